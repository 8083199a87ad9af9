"""A file is whole, or still the earlier one."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lmao.errors import UserError
from lmao.files import write_whole
from lmao.paths import ROOT
from lmao.run.folder import RESULTS, claimed, clear


def test_a_text_and_bytes_replace_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    write_whole(path, "1 – 2\n")
    assert path.read_bytes() == "1 – 2\n".encode()
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    write_whole(path, b"old")
    with pytest.raises(TypeError):
        write_whole(path, 3)  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_writer_leaves_is_no_result_and_the_next_run_removes_it(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    code = (
        "import os, signal; from pathlib import Path; from lmao.files import write_whole\n"
        "Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"write_whole(Path({str(path)!r}), 'half')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1 and not any((tmp_path / name).exists() for name in RESULTS)
    for name in (".model-abc", ".language_model-abc", "model"):
        (tmp_path / name).mkdir()
    (tmp_path / ".lmao").touch()
    clear(tmp_path)
    assert [left.name for left in tmp_path.iterdir()] == [".lmao"]


def test_a_folder_that_another_run_writes_into_is_refused_and_left_alone(tmp_path: Path) -> None:
    imports = "import sys; from pathlib import Path; from lmao.run.folder import claimed"
    code = f"{imports}\nwith claimed(Path(sys.argv[1])): pass"
    with claimed(tmp_path):
        (tmp_path / "result.json").write_text("its")
        command = [sys.executable, "-c", code, str(tmp_path)]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        assert f"hydra.run.dir: another run is writing into {tmp_path}: choose another folder" in done.stderr
        assert (tmp_path / "result.json").read_text() == "its"
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def test_a_command_whose_folder_another_run_writes_into_leaves_its_settings_and_log_alone(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text("its")
    command = [sys.executable, str(ROOT / "train.py"), "debug=tiny", f"hydra.run.dir={tmp_path}"]
    with claimed(tmp_path):
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"error: hydra.run.dir: another run is writing into {tmp_path}: choose another folder\n"
        assert sorted(path.name for path in tmp_path.iterdir()) == [".lmao", "train.log"]
        assert (tmp_path / "train.log").read_text() == "its"


def test_a_mistake_in_a_command_leaves_the_run_that_was_there(tmp_path: Path) -> None:
    (tmp_path / ".lmao").touch()
    (tmp_path / "result.json").write_text("its")
    (tmp_path / "model").mkdir()
    (tmp_path / "one.csv").write_text("text,label\na b,x\nc d,x\n")
    for path, said in (("none.csv", "data.path: none.csv does not exist"), ("one.csv", "only the class 'x'")):
        arguments = ["debug=tiny", "data=files", f"data.path={path}", f"hydra.run.dir={tmp_path}"]
        command = [sys.executable, str(ROOT / "train.py"), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2
        assert said in done.stderr
        assert (tmp_path / "result.json").read_text() == "its"
        assert (tmp_path / "model").is_dir()


def test_files_of_that_name_that_no_run_left_are_not_removed(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(UserError, match="holds model, not of a run"), claimed(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
