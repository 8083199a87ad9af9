"""Random bits by position are the published ones, drawn one by one or in an array."""

import numpy as np

from lmao.engine.splitmix import STEP, mix, mix_one
from tests.support.reference import split_mix


def test_numbers_arrays_and_the_reference_agree() -> None:
    key, counters = np.uint64(2**63 + 12345), np.arange(100, dtype=np.uint64)
    expected = [split_mix(int(key), int(counter)) for counter in counters]
    states = key + counters * STEP
    assert mix(states).tolist() == expected
    assert [int(mix_one(state)) for state in states] == expected


def test_the_first_numbers_are_those_of_the_published_generator() -> None:
    # Of a generator that is seeded with 1234567, after Vigna's splitmix64.c.
    assert [split_mix(1234567, counter) for counter in (1, 2)] == [6457827717110365317, 3203168211198807973]
