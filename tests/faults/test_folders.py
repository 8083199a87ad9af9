"""What may not be read or written is one line. All cases by hand: `python -m benchmarks.faults --parts folders`."""

from pathlib import Path

import pytest

from benchmarks.faults.folders import PREDICT, RUN, SWEEP, Locked, ended, finished
from benchmarks.faults.tiny import Tiny


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return finished(tmp_path_factory.mktemp("made"))


@pytest.mark.parametrize(
    "case",
    [
        Locked("out", 0o555, RUN),
        Locked("cache", 0o000, RUN),
        Locked("multirun/s", 0o555, (*SWEEP, "hydra.sweeper.n_trials=2")),
        Locked("out", 0o555, PREDICT, goes_through=True),
    ],
)
def test_a_command_that_may_not_read_or_write_ends_with_one_line(case: Locked, made: Tiny, tmp_path: Path) -> None:
    assert ended(made, tmp_path / "locked", case, owned=False) is None
