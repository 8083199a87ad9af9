"""Named streams: independent of one another, the same for ever."""

import itertools

from lmao.streams import key, stream


def test_streams_differ_by_seed_name_position_and_depth() -> None:
    places = [(0, "a"), (0, "b"), (1, "a"), (0, "a", 0), (0, "a", 1), (0, "a", 0, 0), (1 << 32, "a")]
    draws = [stream(seed, name, *position).integers(1 << 62) for seed, name, *position in places]  # type: ignore[arg-type]
    assert all(a != b for a, b in itertools.combinations(draws, 2))


def test_a_stream_is_what_it_always_was() -> None:
    """A change here changes every result there is."""
    assert stream(3, "init").integers(1000, size=3).tolist() == [512, 138, 954]
    assert key(3, "pretrain dropout", 1, 2) == key(3, "pretrain dropout", 1, 2)
