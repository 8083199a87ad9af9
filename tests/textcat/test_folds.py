"""The folds that all classifiers share, and the judge of what they hold out."""

import warnings

import numpy as np
import pytest
from scipy.special import log_softmax

from lmao.errors import UserError
from lmao.textcat.folds import HeldOut, cut, standard_error, temper


def test_every_example_is_held_out_once_a_cut_but_the_only_one_of_its_class() -> None:
    labels = np.array([0] * 30 + [1] * 12 + [2] * 2 + [3])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cuts = cut(labels, 0)
    assert len(cuts) == 3
    for folds in cuts:
        assert len(folds) == 5
        assert sorted(np.concatenate([fold.held for fold in folds]).tolist()) == list(range(44))
        for fold in folds:
            assert 44 in fold.rest
            assert set(labels[fold.rest]) == {0, 1, 2, 3}
            assert not set(fold.rest) & set(fold.held)


def test_copies_are_held_out_together_and_count_as_one() -> None:
    labels = np.array([0, 1] * 20 + [2, 2, 2, 0])
    texts = np.array([*range(40), 40, 40, 40, 39])  # three copies are all of their class; one has another label
    labels[10:20], texts[10:20] = labels[:10], texts[:10]
    for folds in cut(labels, 0, texts):
        held = np.concatenate([fold.held for fold in folds])
        assert sorted(held.tolist()) == [*range(40), 43]
        for fold in folds:
            assert sorted([*fold.rest, *fold.held]) == list(range(44))
            learned = set(zip(texts[fold.rest], labels[fold.rest], strict=True))
            assert not learned & set(zip(texts[fold.held], labels[fold.held], strict=True))
    with pytest.raises(UserError, match="no label has two different training examples"):
        cut(np.array([0, 0, 1, 1]), 0, np.array([5, 5, 7, 7]))


def test_without_copies_the_texts_change_nothing() -> None:
    labels = np.arange(100) % 3
    for one, other in zip(cut(labels, 0), cut(labels, 0, np.arange(100)[::-1].copy()), strict=True):
        assert [fold.held.tolist() for fold in one] == [fold.held.tolist() for fold in other]


def test_many_labels_are_cut_once_and_seeds_differ() -> None:
    labels = np.arange(1000) % 2
    assert len(cut(labels, 0)) == 1
    assert cut(labels, 0)[0][0].held.tolist() == cut(labels, 0)[0][0].held.tolist()
    assert cut(labels, 0)[0][0].held.tolist() != cut(labels, 1)[0][0].held.tolist()


@pytest.mark.parametrize(("labels", "folds"), [(1000, 5), (2000, 5), (2500, 4), (10_000, 1), (100_000, 1)])
def test_of_very_many_labels_only_some_are_held_out(labels: int, folds: int) -> None:
    [found] = cut(np.arange(labels) % 3, 0)
    assert len(found) == folds
    assert all(abs(len(fold.held) - labels / 5) < 3 for fold in found)


@pytest.mark.parametrize(("labels", "what"), [([1, 1, 1], "the same label"), ([0, 1, 2], "no label has two different")])
def test_what_cannot_be_cut_is_said(labels: list[int], what: str) -> None:
    with pytest.raises(UserError, match=rf"{what}.*: add examples, or raise data\.train_examples"):
        cut(np.array(labels), 0)


def test_the_temperature_undoes_overconfidence() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=(20_000, 3))
    labels = (np.exp(log_softmax(logits, axis=1)).cumsum(axis=1) > random.random((20_000, 1))).argmax(axis=1)
    factor, loss = temper(log_softmax(5 * logits, axis=1), labels)
    assert abs(factor - 0.2) < 0.01
    assert loss <= temper(log_softmax(logits, axis=1), labels)[1] + 1e-4
    assert temper(log_softmax(-5 * logits, axis=1), labels)[1] < np.log(3) + 0.02


def test_repeated_cuts_are_pooled_but_count_no_example_twice() -> None:
    right, wrong = np.log([0.9, 0.1]), np.log([0.1, 0.9])
    labels = np.array([0, 0, 0, 1])
    first, second = [right, right, wrong, [np.nan] * 2], [right, wrong, wrong, [np.nan] * 2]
    held_out = HeldOut(np.array([first, second]), labels)
    assert held_out.accuracy == 0.5
    assert held_out.error == standard_error(0.5, 3)
    assert held_out.loss == pytest.approx(np.log(2), abs=1e-3)  # half are right: it flattens them
    assert held_out.seen.tolist() == [[True, True, True, False]] * 2


def test_the_error_of_an_accuracy_is_never_zero() -> None:
    assert 0.03 < standard_error(1.0, 20) < 0.1
