"""Shares of a batch: balanced, whole, bounded; answers in order, workspaces never shared."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from lmao.engine.team import MOST_WORDS, Team, even_shares, shares


@pytest.mark.parametrize(("lengths", "parts"), [([5], 4), ([3, 3, 3, 3], 2), ([1, 100, 1], 3), ([7] * 50, 4)])
def test_shares_are_whole_in_order_and_not_empty(lengths: list[int], parts: int) -> None:
    cut = shares(np.array(lengths), parts)
    assert 1 <= len(cut) <= parts
    assert [i for share in cut for i in range(len(lengths))[share]] == list(range(len(lengths)))
    assert all(share.stop > share.start for share in cut)


def test_shares_are_balanced() -> None:
    lengths = np.random.default_rng(0).integers(1, 200, 100)
    sums = [int(lengths[share].sum()) for share in shares(lengths, 4)]
    assert max(sums) - min(sums) <= 2 * 200


def test_a_share_is_bounded_however_large_the_batch() -> None:
    lengths = np.full(64, MOST_WORDS // 4)
    assert max(int(lengths[share].sum()) for share in shares(lengths, 1)) <= MOST_WORDS * 1.5


@pytest.mark.parametrize(("count", "words", "parts"), [(7, 50, 2), (1, 50, 4), (300, MOST_WORDS * 5, 2), (0, 9, 2)])
def test_even_shares_are_whole_in_order_bounded_and_not_empty(count: int, words: int, parts: int) -> None:
    cut = even_shares(count, words, parts)
    assert [i for share in cut for i in range(count)[share]] == list(range(count))
    assert all(share.stop > share.start for share in cut)
    assert len(cut) == min(count, max(parts, words // MOST_WORDS))


def test_answers_come_in_order_and_each_member_works_alone() -> None:
    busy = [threading.Lock() for _ in range(3)]

    def work(member: int, share: int) -> int:
        assert busy[member].acquire(blocking=False)
        busy[member].release()
        return share * share

    with Team(3) as team:
        for count in (1, 2, 3, 10):
            assert team.map(work, list(range(count))) == [i * i for i in range(count)]


def test_teams_that_overlap_leave_blas_as_it_was() -> None:
    def blas() -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    with threadpool_limits(limits=2, user_api="blas"):
        before = blas()
        first, second = Team(1), Team(1)
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert before == {2} and blas() == {1}
        second.__exit__(None, None, None)
        assert blas() == before
