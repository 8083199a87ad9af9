"""Compiled loops find a place where neither the code nor the home folder can be written to; a stop waits for them."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numba
import pytest

from lmao.engine import compiled_code
from lmao.engine.compiling import Floats1d, kernel
from lmao.paths import ROOT
from lmao.stop import Stopped, StopSignal

STRANGER = 54321  # a user that nobody is


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that any user may write to; pytest's are for its own alone."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.parametrize(("home", "cached"), [(None, False), ("/", True)])
def test_a_stranger_compiles_without_a_home(open_to_all: Path, home: str | None, cached: bool) -> None:
    if os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("only root may run a command as somebody else, with setpriv")
    stranger = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", "--"]
    code = "import lmao.engine.compiled.pooling, numba; print(numba.config.CACHE_DIR)"
    environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(open_to_all)}
    environment |= {"HOME": home} if home else {}
    environment |= {"LMAO_CACHE": str(open_to_all / "cache")} if cached else {}
    command = [*stranger, sys.executable, "-c", code]
    process = subprocess.run(command, cwd=open_to_all, env=environment, capture_output=True, text=True, timeout=120)
    if "Permission denied" in process.stderr or "No module named" in process.stderr:
        pytest.skip("another user may not read this Python or this code")
    assert process.stderr == ""
    place = open_to_all / ("cache/kernels" if cached else f"lmao-kernels-{STRANGER}")
    assert process.stdout == f"{place}\n" and list(place.rglob("*.nbi"))
    assert [path.name for path in open_to_all.iterdir()] == [place.relative_to(open_to_all).parts[0]]


def test_a_place_that_the_user_names_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_code, "_may_be_written", lambda folder: False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/somewhere")
    assert compiled_code.place_of_compiled() is None


def test_a_shared_folder_of_somebody_else_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NUMBA_CACHE_DIR", "LMAO_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(compiled_code, "_may_be_written", lambda folder: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    shared = tmp_path / f"lmao-kernels-{os.getuid()}"
    assert compiled_code.place_of_compiled() == str(shared)
    shared.chmod(0o777)
    other = compiled_code.place_of_compiled()
    assert other is not None and other != str(shared) and Path(other).stat().st_mode & 0o077 == 0


def add(X: Floats1d) -> None:
    for i in range(len(X)):
        X[i] += 1


def test_a_stop_waits_until_a_loop_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """numba's compiler calls Python back, and drops the exceptions that it meets there."""
    compiled = []

    def stopped(signature: str, **options: Any) -> Callable[..., Any]:
        def decorate(loop: Callable[..., Any]) -> Any:
            os.kill(os.getpid(), signal.SIGTERM)
            compiled.append(njit(signature, **{**options, "cache": False})(loop))
            return compiled[-1]

        return decorate

    njit = numba.njit
    monkeypatch.setattr(numba, "njit", stopped)
    with pytest.raises(Stopped), StopSignal():
        kernel(add)
    assert len(compiled) == 1
