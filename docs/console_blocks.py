"""Runs the commands of a page, and compares or records what they print.

`python docs/console_blocks.py docs/tutorials/*.md docs/extending/*.md` runs each page in a fresh folder, those that
extend lmao in a copy of it, and writes the real output into it.

A page has fenced blocks of two kinds: `console`, in which a line that begins with `$ ` is a command and the lines below
it are its output; and any with a title, which is a file, or, where it is a diff, what changes in one. Output is
compared by its shape: figures and durations may differ, and of a run's lines what stands behind the stage's name, since
another machine may stop an epoch earlier.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="(?P<name>[^"]+)"')
PROGRESS = re.compile(r"^\w+ +(\d+% · |[\d,.]+ \w+ · [\d,.]+ \w+/s$)")  # how many there are depends on the machine
DURATION = re.compile(r"\b\d+ min( \d+ s)?|\b\d[\d.,]* (s|ms|h)\b|\b\d[\d.]*s\b( \(\d+:\d\d:\d\d\))?")
STAGE = re.compile(r"^([a-z]+( [a-z\d]+)?) {2,}(?=\S)")  # a run's line: a name, room, and what it came to
NUMBER = re.compile(r"\d[\d.,]*(e-?\d+)?")
ELSEWHERE = "…"  # in expected output: any lines
COPIED = ("train.py", "conf", "lmao", "tests", "docs", "pyproject.toml")
MISTAKE = 2  # the exit code of a command that prints an error


@dataclass(frozen=True)
class Command:
    line: str
    output: Sequence[str]  # as the page has it


def commands(page: str) -> Iterator[Command | tuple[str, str]]:
    """The commands and the files, (name, content), in their order."""
    for block in BLOCK.finditer(page):
        title = TITLE.search(block["info"])
        if title:
            yield title["name"], block["body"]
        elif block["info"].split()[:1] == ["console"]:
            for part in re.split(r"^\$ ", block["body"], flags=re.MULTILINE)[1:]:
                line, *output = part.splitlines()
                yield Command(line, output)


def put(name: str, body: str, folder: Path) -> None:
    """Write a page's file, or make its changes to one.

    Raises:
        RuntimeError: the changes don't fit the file.
    """
    if not body.startswith("--- "):
        (folder / name).write_text(body, encoding="utf-8")
        return
    alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    done = subprocess.run(["git", "apply", "-"], input=body, cwd=folder, env=alone, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr}")


def run(line: str, folder: Path, environment: Mapping[str, str]) -> tuple[int, Sequence[str]]:
    """A command's exit code and its lines, without those that tell of progress. train.py and conf/ are at hand."""
    done = subprocess.run(
        line, shell=True, cwd=folder, env=dict(environment), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return done.returncode, [text.rstrip() for text in done.stdout.splitlines() if not PROGRESS.match(text)]


def place(folder: Path) -> Mapping[str, str]:
    """Make a folder one in which a page's commands can be typed. Returns: their environment, with its own cache."""
    for name in ("train.py", "conf"):
        (folder / name).symlink_to(ROOT / name)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PYTHONPATH": str(ROOT), "LMAO_CACHE": str(folder / "cache"), "PATH": path}


def copy(folder: Path) -> Mapping[str, str]:
    """Make a folder a checkout that can be changed, compiled kernels and all. Returns: as `place`."""
    for name in COPIED:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(ROOT / name, folder / name)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PYTHONPATH": str(folder), "LMAO_CACHE": str(folder / "cache"), "PATH": path}


def shape(line: str) -> str:
    """A line without its figures; of a run's line the stage alone."""
    stage = STAGE.match(line)
    if stage:
        return stage[1]
    line = NUMBER.sub("#", DURATION.sub("TIME", line))
    return re.sub(r"(-{3,})", "---", re.sub(r" +", " ", line)).strip()


def differences(expected: Sequence[str], found: Sequence[str]) -> Sequence[str]:
    """The expected lines that are not found, and those found that are not expected."""
    known = {shape(line) for line in found} | {"", ELSEWHERE}
    missing = [f"- {line}" for line in expected if shape(line) not in known]
    if ELSEWHERE in expected:
        return missing
    shapes = {shape(line) for line in expected} | {""}
    return missing + [f"+ {line}" for line in found if shape(line) not in shapes]


def recorded(page: str, place: Callable[[Path], Mapping[str, str]]) -> str:
    """The page with what its commands print now, where `place` has made a folder for them.

    Raises:
        RuntimeError: a command failed that is not followed by an error.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = place(folder)
        outputs = []
        for one in commands(page):
            if isinstance(one, tuple):
                put(*one, folder)
                continue
            code, lines = run(one.line, folder, environment)
            if code != expected_code(one):
                raise RuntimeError("\n".join([f"$ {one.line} ended with {code}", *lines]))
            outputs.append([line.replace(f"{folder}/", "") for line in lines])

    def block(match: re.Match[str]) -> str:
        if TITLE.search(match["info"]) or match["info"].split()[:1] != ["console"]:
            return match[0]
        lines = [line for line in match["body"].splitlines() if line.startswith("$ ")]
        body = "\n".join("\n".join([line, *outputs.pop(0)]) for line in lines)
        return f"```{match['info']}\n{body}\n```"

    return BLOCK.sub(block, page)


def expected_code(command: Command) -> int:
    return MISTAKE if command.output and command.output[0].startswith("error:") else 0


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        made = copy if path.resolve().parent.name == "extending" else place
        path.write_text(recorded(path.read_text(encoding="utf-8"), made), encoding="utf-8")
