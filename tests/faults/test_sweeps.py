"""Workers of a study that are killed, and a cache's entry whose maker is."""

import random
from pathlib import Path

from benchmarks.faults.races import waiting
from benchmarks.faults.sweeps import Swept, disturbed


def test_a_study_whose_workers_are_killed_at_random_moments(tmp_path: Path) -> None:
    """With what the promises say: see `Swept.wrong`."""
    kills, wrong = disturbed(Swept(tmp_path / "s", 4), 2, 4, random.Random(1), lambda: None)
    assert (kills > 0, wrong) == (True, [])


def test_an_entry_whose_maker_is_killed_while_others_wait(tmp_path: Path) -> None:
    assert waiting(tmp_path / "lock") == []
