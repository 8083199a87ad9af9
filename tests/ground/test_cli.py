"""What a user meets at the command line: help, stops, exit codes, a full disk, streams of any kind."""

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lmao.cache import open_cache
from lmao.config.run import Config
from lmao.errors import Diverged, Unavailable, UserError
from lmao.explain import explain, trouble
from lmao.paths import ROOT
from tests.support.processes import STOPPED, TRAIN

HEAVY = ("numpy", "spacy", "mlflow", "rich")


def test_help_lists_commands_groups_and_settings_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", TRAIN, "--help"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0
    assert "python train.py +experiment=imdb_1k" in process.stdout
    assert "data: docbin, docstrings, docstrings_tiny, files, imdb, imdb_unsupervised, memory" in process.stdout
    assert "  mask_rate: 0.0" in process.stdout
    imported = {line.rpartition("|")[2].strip() for line in process.stderr.splitlines()}
    assert "hydra" in imported and imported.isdisjoint(HEAVY)  # which takes ten times the time
    assert not list(tmp_path.iterdir())


def test_the_config_is_read_before_anything_heavy_is_imported() -> None:
    code = f"import sys, train; print([name for name in {HEAVY} if name in sys.modules])"
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
    # Many short sleeps: Python sees a signal that comes just before a sleep begins only when that sleep is over.
    process = run_command("print('ready', flush=True)\nwhile True:\n    time.sleep(0.01)", tmp_path)
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
