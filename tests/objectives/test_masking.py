"""Spans of masked words: as many words as without spans; and without spans the draws are what they always were."""

import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from lmao.config.pretrain import Pretrain
from lmao.config.run import Config
from lmao.corpus.batches import Texts
from lmao.objectives.masking import MASK_TYPE, MaskedTexts, Masking, spans, start_rate

ROWS = 20_000
TYPES = 50
# Of mask_rate=0.3: how many words, and a digest of what the encoder sees, as before `pretrain.span` was there.
SINGLE_WORDS = (4879, "47550c83436108bf")


@pytest.fixture(scope="module")
def settings(compose: Callable[..., Config]) -> Pretrain:
    return compose("+recipe=words").pretrain


def mask(settings: Pretrain, seed: int = 0, **changes: float) -> tuple[Texts, MaskedTexts]:
    """A batch of two texts, gap rows between them, a fifth of the types without a target."""
    generator = np.random.default_rng(1)
    ids = generator.integers(1, TYPES, ROWS).astype(np.int32)
    ids[[0, 1, ROWS // 2, ROWS // 2 + 1, -2, -1]] = -1
    lengths = np.array([ROWS // 2 - 2, ROWS // 2 - 4])
    texts = Texts(ids, np.array([2, ROWS // 2 + 2]), lengths, lengths)
    counts = generator.integers(1, 100, TYPES)
    masking = Masking(settings.model_copy(update=changes), counts, np.arange(TYPES) % 5 > 0)
    return texts, masking(texts, np.random.default_rng(seed))


def test_single_words_are_drawn_as_before_there_were_spans(settings: Pretrain) -> None:
    _, masked = mask(settings, span=1, mask_rate=0.3)
    assert len(masked.rows) == SINGLE_WORDS[0]
    assert hashlib.sha256(masked.texts.ids.tobytes() + masked.rows.tobytes()).hexdigest()[:16] == SINGLE_WORDS[1]


@pytest.mark.parametrize("rate", [0.15, 0.4, 0.9])
@pytest.mark.parametrize("mean", [1.5, 3.8, 20])
def test_spans_mask_as_many_words(rate: float, mean: float) -> None:
    """The share of the whole array that is masked, and of its first rows."""
    generator = np.random.default_rng(0)
    chance = start_rate(rate, mean)
    drawn = [spans(generator.random(500) < chance, np.zeros(500, np.float32), mean, generator)[0] for _ in range(1000)]
    assert np.mean(drawn) == pytest.approx(rate, abs=0.01)
    assert np.mean([covered[:50] for covered in drawn]) == pytest.approx(rate, abs=0.03)


def test_only_words_with_a_target_are_predicted_and_all_else_stays(settings: Pretrain) -> None:
    texts, masked = mask(settings, span=4, mask_rate=0.3)
    predictable = (texts.ids >= 0) & (texts.ids % 5 > 0)
    assert predictable[masked.rows].all()
    assert len(masked.rows) / predictable.sum() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(texts.ids[masked.rows], masked.types)
    elsewhere = np.delete(np.arange(ROWS), masked.rows)
    np.testing.assert_array_equal(masked.texts.ids[elsewhere], texts.ids[elsewhere])


def test_lengths_are_geometric() -> None:
    """Of spans that start too far apart to meet."""
    starts = np.zeros(400_000, dtype=bool)
    starts[::200] = True
    covered, _ = spans(starts, np.zeros(len(starts), np.float32), 3.8, np.random.default_rng(0))
    lengths = covered.reshape(-1, 200).sum(axis=1)
    assert lengths.mean() == pytest.approx(3.8, rel=0.05)
    for longest in (1, 3, 8):
        assert (lengths > longest).mean() == pytest.approx((1 - 1 / 3.8) ** longest, abs=0.03)


def test_a_span_is_replaced_in_one_way(settings: Pretrain) -> None:
    """Random and kept words come in spans too, each word of a span drawn by itself."""
    _, masked = mask(settings, span=5, mask_rate=0.2, mask_symbol=0.5, random_word=0.5)
    seen = masked.texts.ids[masked.rows]
    symbol = seen == MASK_TYPE
    assert symbol.mean() == pytest.approx(0.5, abs=0.05)
    neighbours = np.diff(masked.rows) == 1
    assert (symbol[1:] == symbol[:-1])[neighbours].mean() > 0.85
    assert len(np.unique(seen[~symbol])) > 30


def test_the_last_span_runs_on_at_the_beginning() -> None:
    starts = np.array([False, False, True, False, False, True])
    kind = np.arange(6, dtype=np.float32)
    covered, kinds = spans(starts, kind, 1e6, np.random.default_rng(0))
    assert covered.all()
    np.testing.assert_array_equal(kinds, [5, 5, 2, 2, 2, 5])


def test_everything_or_next_to_nothing_can_be_masked(settings: Pretrain) -> None:
    texts, masked = mask(settings, span=10, mask_rate=1)
    assert len(masked.rows) == ((texts.ids >= 0) & (texts.ids % 5 > 0)).sum()
    _, masked = mask(settings, span=10, mask_rate=1e-9)
    assert not len(masked.rows)


def test_the_same_seed_draws_the_same_spans(settings: Pretrain) -> None:
    first, second, other = (mask(settings, seed, span=3)[1] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.texts.ids, second.texts.ids)
    assert not np.array_equal(first.rows, other.rows)
