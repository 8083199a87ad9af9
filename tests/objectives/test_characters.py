"""Bytes and neighbours as targets: spaCy's numbers, the plain formulas, and finite differences."""

import numpy as np
import pytest
import spacy
from scipy.special import log_softmax, softmax
from spacy.ml.models.multi_task import get_characters_loss
from spacy.tokens import Doc
from thinc.api import NumpyOps

from lmao.objectives.characters import byte_targets, characters
from lmao.objectives.cosine import cosine
from lmao.objectives.targets import Targets
from lmao.objectives.trigram import trigram
from tests.support.losses import (
    assert_float32_in_and_out_on_any_device,
    assert_gradient_is_that_of_the_value,
    assert_shares_add_up,
    targets,
)

WORDS = ["a", "of", "the", "naïve", "日本語", "🙂", "unbelievable", "\n"]


def draw_bytes(n: int = 4, places: int = 2) -> tuple[np.ndarray, Targets]:
    generator = np.random.default_rng(0)
    wanted = targets(generator.integers(0, 256, (n, places)).astype(np.float32))
    return generator.normal(0, 2, (n, places * 256)), wanted


@pytest.mark.parametrize("count", [1, 3, 4])
def test_the_bytes_are_spacys(count: int) -> None:
    doc = Doc(spacy.blank("xx").vocab, words=WORDS)
    found = byte_targets(WORDS, count)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, doc.to_utf8_array(nr_char=2 * count))


def test_the_bytes_come_from_both_ends_and_a_short_word_is_filled_up() -> None:
    letters = byte_targets(["python", "cat", ""], 2)
    assert bytes(letters[0].astype(np.uint8)) == b"pnyo"
    assert bytes(letters[1].astype(np.uint8)) == b"cta\xff"
    assert bytes(letters[2].astype(np.uint8)) == b"\xff\xff\xff\xff"


def test_it_is_the_sum_of_cross_entropies() -> None:
    prediction, wanted = draw_bytes()
    chances = log_softmax(prediction.reshape(4, 2, 256), axis=2)
    chosen = np.take_along_axis(chances, wanted.vectors.astype(int)[..., None], axis=2)[..., 0]
    expected = -(chosen.sum(axis=1) * wanted.weights).sum() / wanted.total
    assert characters(prediction, wanted)[1] == pytest.approx(expected, rel=1e-6)


def test_the_gradient_is_that_of_spacy() -> None:
    """Where all words of a batch are masked; spaCy is given what its softmax layer puts out."""
    doc = Doc(spacy.blank("en").vocab, words=WORDS)
    prediction = np.random.default_rng(0).normal(size=(len(WORDS), 4 * 256)).astype(np.float32)
    output = softmax(prediction.reshape(-1, 4, 256), axis=2).reshape(prediction.shape)
    _, expected = get_characters_loss(NumpyOps(), [doc], output, 4)
    count = len(WORDS)
    everyone = np.arange(count)
    ones = np.ones(count, dtype=np.float32)
    wanted = Targets(byte_targets(WORDS, 2), everyone, ones, count, byte_targets(WORDS, 2), everyone)
    np.testing.assert_allclose(characters(prediction, wanted)[0], expected, atol=1e-7)


def test_the_gradient_by_bytes_is_that_of_the_value() -> None:
    assert_gradient_is_that_of_the_value(characters, *draw_bytes(2))


def test_shares_of_bytes_add_up_on_any_device() -> None:
    assert_shares_add_up(characters, *draw_bytes())
    assert_float32_in_and_out_on_any_device(characters, *draw_bytes())


@pytest.mark.parametrize("scale", [0, 1e4, 1e30])
def test_extreme_scores_are_finite_and_silent(scale: float) -> None:
    prediction, wanted = draw_bytes()
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        gradient, value = characters(np.float32(scale) * prediction.astype(np.float32), wanted)
    assert np.isfinite(gradient).all()
    assert np.isfinite(value)
    if not scale:
        assert value == pytest.approx(2 * np.log(256) * wanted.weights.sum() / wanted.total, rel=1e-6)


def draw_trigrams() -> tuple[np.ndarray, Targets]:
    """Five words: the first has nothing before it, the second nothing after it, the third no neighbour at all."""
    prediction, vectors = np.random.default_rng(0).normal(size=(2, 5, 12))
    vectors[0, :4] = vectors[1, 8:] = vectors[2, :4] = vectors[2, 8:] = 0
    return prediction, targets(vectors)


def test_a_trigram_is_the_mean_cosine_of_the_parts_that_are_there() -> None:
    prediction, wanted = draw_trigrams()
    expected = 0.0
    for word, there in enumerate([(1, 2), (0, 1), (1,), (0, 1, 2), (0, 1, 2)]):
        for part in there:
            p, t = prediction[word, 4 * part : 4 * part + 4], wanted.vectors[word, 4 * part : 4 * part + 4]
            distance = 1 - p @ t / np.linalg.norm(p) / np.linalg.norm(t)
            expected += wanted.weights[word] * distance / len(there) / wanted.total
    gradient, value = trigram(prediction, wanted)
    assert value == pytest.approx(expected, rel=1e-6)
    assert not gradient[0, :4].any()
    assert not gradient[2, 8:].any()


def test_a_trigram_of_one_vector_three_times_is_the_cosine() -> None:
    prediction, vectors = np.random.default_rng(0).normal(size=(2, 5, 4))
    gradient, value = trigram(np.tile(prediction, 3), targets(np.tile(vectors, 3)))
    expected, same = cosine(prediction, targets(vectors))
    assert value == pytest.approx(same, rel=1e-6)
    np.testing.assert_allclose(gradient, np.tile(expected, 3) / 3, rtol=1e-5)


def test_the_gradient_of_a_trigram_is_that_of_the_value() -> None:
    assert_gradient_is_that_of_the_value(trigram, *draw_trigrams())


def test_shares_of_trigrams_add_up_on_any_device() -> None:
    assert_shares_add_up(trigram, *draw_trigrams())
    assert_float32_in_and_out_on_any_device(trigram, *draw_trigrams())


def test_a_word_without_any_vector_costs_nothing() -> None:
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        gradient, value = trigram(np.zeros((2, 12), dtype=np.float32), targets(np.zeros((2, 12), dtype=np.float32)))
    assert value == 0
    assert not gradient.any()
