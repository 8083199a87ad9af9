"""Which texts are chosen to be labelled: unsure ones, unlike each other, and as many drawn by chance."""

import numpy as np

from lmao.textcat.folds import Numbers
from lmao.textcat.selection import choose, spread_out, unsure


def scores(*confidences: float) -> np.ndarray:
    return np.array([[one, (1 - one) * 0.7, (1 - one) * 0.3] for one in confidences], dtype=np.float32)


def test_the_least_margin_is_the_most_unsure() -> None:
    three = np.array([[0.5, 0.49, 0.01], [0.4, 0.3, 0.3], [0.9, 0.1, 0.0]], dtype=np.float32)
    assert unsure(three).tolist() == [0, 1, 2]


def test_points_lie_apart_and_copies_come_last() -> None:
    points = np.repeat(np.eye(4) * 10, 5, axis=0)
    chosen = spread_out(points, 4, 0)
    assert chosen[0] == 0 and sorted((chosen // 5).tolist()) == [0, 1, 2, 3]
    every = spread_out(points, 30, 0)
    assert sorted(every.tolist()) == list(range(20)) and sorted((every[:4] // 5).tolist()) == [0, 1, 2, 3]
    assert spread_out(points, 4, 0).tolist() == chosen.tolist() != spread_out(points, 4, 1).tolist()


def test_every_other_text_is_an_unsure_one_and_none_comes_twice() -> None:
    random = np.random.default_rng(0)
    found = scores(*random.uniform(0.9, 1, size=980), *random.uniform(0.4, 0.45, size=20))
    asked: list[Numbers] = []

    def features_of(places: Numbers) -> np.ndarray:
        """Two of each kind."""
        asked.append(places)
        return np.eye(1000, dtype=np.float32)[places // 2]

    chosen = choose(found, features_of, 20, 0)
    assert len(set(chosen.tolist())) == 20
    assert set(asked[0][:20].tolist()) == set(range(980, 1000)) and len(asked[0]) == 100
    unsure_ones = chosen[::2]
    assert len(set((unsure_ones // 2).tolist())) == 10  # never two alike
    assert (chosen[1::2] < 980).mean() > 0.8
    assert choose(found, features_of, 20, 1).tolist() != chosen.tolist()


def test_all_are_chosen_where_there_are_no_more() -> None:
    chosen = choose(scores(0.5, 0.6, 0.7), lambda places: np.eye(3, dtype=np.float32)[places], 3, 0)
    assert sorted(chosen.tolist()) == [0, 1, 2]
