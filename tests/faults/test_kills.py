"""A run that is killed at any file operation, and again while it recovers, ends as if it had not been."""

from pathlib import Path

import pytest

from benchmarks.faults.kills import killed_twice
from benchmarks.faults.tiny import Tiny

SAMPLE = 3  # of some 370 operations; `python -m benchmarks.faults --parts kills` tries them all


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tiny, int]:
    """A whole run, and how many file operations it had."""
    place = Tiny(tmp_path_factory.mktemp("reference"))
    return place, place.operations()


@pytest.mark.parametrize("part", range(SAMPLE))
def test_a_run_killed_at_a_file_operation_and_in_its_recovery(
    reference: tuple[Tiny, int], part: int, tmp_path: Path
) -> None:
    place, operations = reference
    at = 1 + (2 * part + 1) * operations // (2 * SAMPLE)
    assert killed_twice(place, tmp_path, at) == []
