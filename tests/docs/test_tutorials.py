"""The tutorials can be typed: each command is run as it stands, and prints what the page says but for the figures."""

from pathlib import Path

import pytest

from docs.console_blocks import Command, commands, differences, expected_code, place, put, run
from lmao.paths import ROOT

TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_as_it_is_written(path: Path, tmp_path: Path) -> None:
    environment = place(tmp_path)
    ran = 0
    for one in commands(path.read_text(encoding="utf-8")):
        if isinstance(one, tuple):
            put(*one, tmp_path)
            continue
        code, lines = run(one.line, tmp_path, environment)
        assert code == expected_code(one), "\n".join([one.line, *lines])
        assert differences(one.output, lines) == [], one.line
        ran += 1
    assert ran > 1


def test_a_page_is_read_as_commands_and_files() -> None:
    page = '```python title="a.py"\nprint(1)\n```\n\n```console\n$ python a.py\n1\n$ ls\n```\n\n    $ not one\n'
    assert list(commands(page)) == [("a.py", "print(1)\n"), Command("python a.py", ["1"]), Command("ls", [])]


@pytest.mark.parametrize(
    "line", ["encode      12% · 80,102 words/s · 4 s left", "encode     80,102 words · 4.5 words/s"]
)
def test_lines_of_progress_are_not_compared(line: str, tmp_path: Path) -> None:
    assert run(f"echo '{line}'; echo 'encode     300 texts'", tmp_path, {}) == (0, ["encode     300 texts"])


@pytest.mark.parametrize(
    ("expected", "found", "difference"),
    [
        (["loss 0.41 in 3.2 s"], ["loss 0.39 in 1 min 2 s"], []),
        (["probe      a · dev 0.5"], ["probe      b · dev 0.6"], []),
        (["first", "…"], ["first", "second"], []),
        (["first"], ["first", "second"], ["+ second"]),
        (["probe      a"], ["textcat    a"], ["- probe      a", "+ textcat    a"]),
        (["error: no setting 'a'"], ["error: no setting 'b'"], ["- error: no setting 'a'", "+ error: no setting 'b'"]),
    ],
)
def test_words_count_and_figures_do_not(expected: list[str], found: list[str], difference: list[str]) -> None:
    assert differences(expected, found) == difference
