"""What a user meets at the command line: help, mistakes, a full disk, a stop."""

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from lmao.cache import open_cache
from lmao.config.run import Config
from lmao.errors import Diverged, Unavailable, UserError
from lmao.explain import explain, trouble
from lmao.paths import ROOT
from tests.support.processes import STOPPED, TRAIN, Place


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("dta=imdb", "the config has no setting 'dta'. Did you mean 'data'? (python train.py --help lists them)"),
        (
            "data=imbd",
            "data has no option 'imbd'. Did you mean 'imdb'? "
            "There are: docbin, docstrings, docstrings_tiny, files, imdb, imdb_unsupervised, memory",
        ),
        (
            "+experiment=imdb_1l",
            "experiment has no option 'imdb_1l'. Did you mean 'imdb_1k'? There are: imdb_1k, imdb_document",
        ),
        (
            "data=files",
            "data.path has no value: data=files needs one, give data.path=…, "
            "or data.unlabelled_path=… alone to pre-train and nothing else",
        ),
        ("vectors.target=glove", "vectors.target is a group: choose it with vectors@vectors.target=glove"),
        (
            "data.path=reviews.csv",
            "data=docstrings has no setting 'path'. It belongs to data=docbin or data=files or data=imdb or "
            "data=imdb_unsupervised",
        ),
        (
            "pretrain.epochs=[1",
            "cannot read 'pretrain.epochs=[1': write setting=value, and quote what the shell or Hydra would split",
        ),
        (
            "pretrain.epochs=0,1",
            "pretrain.epochs=0,1 has several values: add --multirun sweep=grid to try each, "
            "or write [a,b] if it is one list",
        ),
        ("seed=${nothing}", "seed: Interpolation key 'nothing' not found"),
        (
            "data.packages.first=numpy",
            "the settings don't fit together: invalid literal for int() with base 10: 'first' "
            "(python train.py --help lists them)",
        ),
    ],
)
def test_a_mistake_is_explained(override: str, line: str, compose: Callable[..., Config]) -> None:
    with pytest.raises(Exception) as caught:
        compose(override)
    assert explain(caught.value) == line


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["pretrain.epoch=2"],
            "pretrain has no setting 'epoch'. Did you mean 'epochs'? (python train.py --help lists them)",
        ),
        (
            ["-m", "data=imdb,imbd"],
            "data has no option 'imbd'. Did you mean 'imdb'? "
            "There are: docbin, docstrings, docstrings_tiny, files, imdb, imdb_unsupervised, memory",
        ),
        (
            ["textcat=linear", "textcat.epochs=2"],
            "textcat=linear has no setting 'epochs'. It belongs to textcat=auto or textcat=auto_tiny or textcat=cnn or "
            "textcat=cnn_fresh or textcat=cnn_tiny",
        ),
        (["seed=-1"], "seed: input should be greater than or equal to 0, not -1"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments: list[str], line: str, tmp_path: Path) -> None:
    ended = Place(tmp_path, tmp_path).finish(*arguments)
    assert (ended.code, ended.output, ended.errors) == (2, "", f"error: {line}\n")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: [1\n", "own.yaml:2 is no YAML: "),
        (b"a:\n\tb: 1\n", "own.yaml:2 is no YAML: "),
        (b"seed: 1\nseed: 2\n", "own.yaml:2 is no YAML: found duplicate key seed"),
        (b"caf\xe9: 1\n", "own.yaml is not UTF-8 (byte 3): save it as UTF-8"),
    ],
)
def test_a_mistake_in_a_users_own_yaml_is_one_line(content: bytes, line: str, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_bytes(content)
    ended = Place(tmp_path, tmp_path).finish(f"--config-dir={tmp_path}", "+experiment=own")
    assert ended.code == 2 and ended.errors.count("\n") == 1
    assert f"experiment/{line}" in ended.errors


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "else")
    for folder in ("file", "file/in", "link"):
        ended = Place(tmp_path, tmp_path).finish(f"hydra.run.dir={folder}")
        assert (ended.code, ended.errors) == (2, f"error: {folder}: there is a file where a folder should be\n")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
def test_a_folder_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    ended = Place(tmp_path, tmp_path).finish("hydra.run.dir=/proc/nothing/run")
    assert (ended.code, ended.errors) == (2, "error: /proc/nothing: no folder can be made there\n")


COMMANDS = ("predict", "suggest", "fill", "status", "report.__main__", "rerun", "sync")
MISTYPED = [(name, ["--nope"]) for name in COMMANDS] + [("suggest", ["--model=a", "b", "--n=x"])]


@pytest.mark.parametrize(("module", "arguments"), MISTYPED)
def test_an_option_that_a_command_has_not_is_one_line(
    module: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", [module, *arguments])
    with pytest.raises(SystemExit) as ended:
        import_module(f"lmao.{module}").main()
    shown = capsys.readouterr()
    assert ended.value.code == 2 and shown.out == ""
    assert shown.err.startswith("error: ") and shown.err.count("\n") == 1
    assert shown.err.endswith(f"(python -m lmao.{module.removesuffix('.__main__')} --help lists the options)\n")


def test_no_message_is_empty_or_long_or_of_two_lines() -> None:
    for message in ("", "x" * 10_000, "one\ntwo", "\x1b[31mred", "\n"):
        line = explain(UserError(message))
        assert line and len(f"error: {line}") <= 500 and line.isprintable()
    assert explain(UserError("what " * 200, advice="the advice")).endswith("the advice")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("hydra.sweeper.sampler=null", "hydra.sweeper.sampler: there is none: choose one with sweep="),
        ("space=extend_list(1)", "the settings don't fit together: "),
        ("hydra.sweeper.params=3", "the settings don't fit together: "),
        ("hydra.sweep.dir=file", "hydra.sweep.dir: "),
    ],
)
def test_a_mistake_in_a_sweeps_settings_is_one_line(
    argument: str, line: str, tmp_path: Path, session_cache: Path
) -> None:
    (tmp_path / "file").touch()
    ended = Place(tmp_path, session_cache).finish("-m", "debug=tiny", "tracking=off", argument)
    assert (ended.code, ended.output, ended.errors.count("\n")) == (2, "", 1)
    assert line in ended.errors


def test_a_bad_job_of_a_sweep_is_named(tmp_path: Path) -> None:
    ended = Place(tmp_path, tmp_path).finish("--multirun", "sweep=basic", "seed=-1")
    assert ended.code == 2
    assert "seed=-1" in ended.errors
    assert ended.errors.endswith("error: seed: input should be greater than or equal to 0, not -1\n")
    assert "Traceback" not in ended.errors


def test_help_lists_commands_groups_and_settings_at_once(tmp_path: Path) -> None:
    started = time.monotonic()
    command = [sys.executable, TRAIN, "--help"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    seconds = time.monotonic() - started
    assert process.returncode == 0
    assert "python train.py +experiment=imdb_1k" in process.stdout
    assert "data: docbin, docstrings, docstrings_tiny, files, imdb, imdb_unsupervised, memory" in process.stdout
    assert "  mask_rate: 0.0" in process.stdout
    assert seconds < 5  # about 0.6 s; whoever imports numpy or spaCy before the config is read pays ten times that
    assert not list(tmp_path.iterdir())


def test_the_config_is_read_before_anything_heavy_is_imported() -> None:
    code = "import sys, train; print([name for name in ('numpy', 'spacy', 'mlflow', 'rich') if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "[]"


def run_command(body: str, folder: Path) -> subprocess.Popen[str]:
    """A process in which `cli.main` runs a function with this body."""
    function = f"def command():\n{textwrap.indent(body, '    ')}"
    code = f"import sys, time\nfrom lmao import cli\n{function}\nsys.exit(cli.main(command))"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_ends_with_one_line_and_the_shells_exit_code(number: signal.Signals, code: int, tmp_path: Path) -> None:
    process = run_command("print('ready', flush=True)\ntime.sleep(60)", tmp_path)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors == STOPPED


def test_what_is_away_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    process = run_command("from lmao.errors import Away; raise Away('no answer', setting='tracking.uri')", tmp_path)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (75, "error: tracking.uri: no answer\n")


@pytest.mark.parametrize(
    "command",
    [
        ["train.py", "debug=tiny", "tracking=mlflow", "tracking.uri=http://127.0.0.1:1"],
        ["train.py", "-m", "debug=tiny", "hydra.sweeper.storage=postgresql+psycopg://me@127.0.0.1:1/o"],
        ["-m", "lmao.status", "--storage=postgresql+psycopg://me@127.0.0.1:1/o"],
    ],
)
def test_commands_say_so(command: list[str], tmp_path: Path) -> None:
    """Nobody listens at port 1."""
    if command[0] == "train.py":
        command = [str(ROOT / "train.py"), *command[1:], f"hydra.run.dir={tmp_path}", f"hydra.sweep.dir={tmp_path}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *command], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (75, 1) and "refused" in done.stderr


def test_a_bug_keeps_its_traceback(tmp_path: Path) -> None:
    process = run_command("{}['missing']", tmp_path)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.startswith("Traceback") and errors.endswith("KeyError: 'missing'\n")


def test_warnings_do_not_reach_the_terminal(tmp_path: Path) -> None:
    process = run_command("import warnings; warnings.warn('noise')", tmp_path)
    assert process.communicate(timeout=60) == ("", "")


def save_array() -> None:
    np.zeros(100_000).tofile("/dev/full")  # what np.save does: the OSError has no error number


def write_text() -> None:
    Path("/dev/full").write_text("x" * 100_000)


def fill_database() -> None:
    database = sqlite3.connect(":memory:")
    try:
        database.execute("pragma max_page_count = 1")
        database.execute("create table results (value)")
    except sqlite3.Error as error:
        raise RuntimeError("what a library wraps around it") from error
    finally:
        database.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("write", [save_array, write_text, fill_database])
def test_a_full_disk_is_named(write: Callable[[], None]) -> None:
    with pytest.raises(Exception) as caught:
        write()
    line = explain(caught.value)
    assert line is not None and "the disk is full" in line and "\n" not in line
    assert trouble(caught.value) == line


def test_a_full_memory_is_named() -> None:
    said = "the memory is full: give fewer or shorter texts, smaller tables, or the run more memory"
    assert explain(MemoryError()) == trouble(MemoryError()) == said


def test_faults_of_the_machine_are_distinguished_from_those_of_a_run() -> None:
    assert trouble(Unavailable("no database")) == "no database"
    for error in (Diverged("loss is nan"), UserError("seed: bad"), KeyError("bug"), FileNotFoundError(2, "No", "x")):
        assert trouble(error) is None


def test_a_forbidden_place_is_named() -> None:
    error = PermissionError(errno.EACCES, "Permission denied", "/results")
    assert explain(error) == "/results: permission denied"


def test_a_missing_file_that_nobody_expected_is_a_bug() -> None:
    assert explain(FileNotFoundError(errno.ENOENT, "No such file", "manifest.json")) is None


def test_the_default_and_the_original_experiment_compose(compose: Callable[..., Config]) -> None:
    assert compose().data.name == "docstrings"
    original = compose("+experiment=imdb_1k").data
    assert (original.name, original.train_examples, original.dev_examples) == ("imdb", 1000, 10000)
    assert compose("vectors@vectors.target=glove", "vectors.target.path=g.txt").target.name == "glove"


def test_a_user_error_inside_composition_is_raised(compose: Callable[..., Config]) -> None:
    with pytest.raises(UserError, match="path has no value"):
        compose("vectors=word2vec")


NOTEBOOK = """
import io, os, sys
from lmao import cli
from lmao.errors import UserError
from lmao.console import Console

class Cell(io.TextIOBase):  # as a notebook's streams are: text, and no file
    def write(self, text):
        return os.write(self.number, text.encode())

def say():
    print("print")
    Console().line("data", "é · 日本")
    raise UserError("bad")

if sys.argv[1] == "cell":
    sys.stdout, sys.stderr = Cell(), Cell()
    sys.stdout.number, sys.stderr.number = 1, 2
else:
    sys.stdout = sys.stderr = None
os._exit(cli.main(say))
"""


@pytest.mark.parametrize(("streams", "output"), [("cell", "print\ndata       é · 日本\n"), ("none", "")])
def test_streams_need_not_be_files_nor_be_there(streams: str, output: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", NOTEBOOK, streams]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert (process.returncode, process.stdout) == (2, output)
    assert process.stderr == ("error: bad\n" if streams == "cell" else "")


def test_a_folder_that_cannot_be_written_to_is_answered_with_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    said = explain(PermissionError(errno.EACCES, "Permission denied", "outputs"))
    place = "start in a folder that you may write to, or name one (hydra.run.dir, --output)"
    assert said == f"outputs: permission denied: {place}"


def test_an_unknown_home_is_answered_with_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", unknown)
    with pytest.raises(UserError) as caught:
        open_cache("~/.cache/lmao", pytest.fail)
    said = "the home folder isn't known: set it, or LMAO_CACHE, to a folder that you may write to"
    assert str(caught.value) == f"cache_dir: ~/.cache/lmao: {said}"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_who_reads_no_further_ends_a_command_without_a_word(unbuffered: str) -> None:
    program = "import sys; from lmao import cli; sys.exit(cli.main(lambda: [print(i) for i in range(100_000)]))"
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 128 + signal.SIGPIPE)
