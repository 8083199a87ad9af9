"""A write that fails is one line, and nothing of it is believed."""

import shutil
from pathlib import Path

import pytest

from benchmarks.faults.tiny import Tiny
from benchmarks.faults.writes import failing

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    place = Tiny(tmp_path_factory.mktemp("reference"))
    assert place.finish().code == 0
    return place


@pytest.mark.parametrize(
    ("call", "error", "at"),
    [("write", "ENOSPC", 5), ("write", "EIO", 30), ("rename", "EIO", 3), ("mkdir", "EDQUOT", 4)],
)
def test_a_run_whose_system_call_fails(reference: Tiny, call: str, error: str, at: int, tmp_path: Path) -> None:
    assert failing(reference, tmp_path / "run", call, error, at) == (True, [])
