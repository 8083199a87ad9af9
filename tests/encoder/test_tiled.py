"""Four rows at once give what one at a time gives, and so do their gradients."""

from collections.abc import Callable

import numpy as np
import pytest

from lmao.config.run import Config
from lmao.corpus.batches import Rows
from lmao.corpus.corpus import Corpus
from lmao.encoder.cnn import Cnn
from lmao.encoder.dropout import Dropout
from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats, Parameters
from tests.encoder.test_encoder import Bench

DROPOUT = Dropout(0.3, 0.2, key=4)


def learn(bench: Bench, wanted: Rows, space: Workspace) -> tuple[Floats, Parameters]:
    """The vectors of some rows, and the gradients of a fixed direction's product with them."""
    encoded, backprop = bench.encoder(bench.weights, bench.types, bench.texts().ids, wanted, DROPOUT, space)
    found, gradients = encoded.copy(), bench.gradients()
    direction = np.random.default_rng(2).normal(size=encoded.shape) / max(len(encoded), 1)
    backprop(direction.astype(np.float32), gradients)
    return found, gradients


@pytest.mark.parametrize(("depth", "pieces"), [(4, 3), (1, 2), (3, 1)])
def test_tiles_of_rows_are_encoded_as_rows_are(
    compose: Callable[..., Config], corpus: Corpus, depth: int, pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmao.encoder.tiled.TILES_AT_ONCE", 5)
    monkeypatch.setattr("lmao.encoder.tiled.PAIRS_AT_ONCE", 16)
    bench = Bench(compose("debug=tiny", f"encoder.depth={depth}", f"encoder.maxout_pieces={pieces}"), corpus)
    words, space = bench.words(), Workspace()
    for wanted in (words, words[:91], words[17:50], words[np.arange(len(words)) % 5 > 0]):
        assert bench.encoder._computes_all(wanted)  # what is left in the workspace must not matter
        encoded, gradients = learn(bench, wanted, space)
        with monkeypatch.context() as patch:
            patch.setattr(Cnn, "_computes_all", lambda *arguments: False)
            expected, expected_gradients = learn(bench, wanted, Workspace())
        np.testing.assert_allclose(encoded, expected, atol=1e-5)
        np.testing.assert_allclose(gradients.flat, expected_gradients.flat, atol=1e-5)


def test_few_rows_are_computed_one_by_one(tiny: Config, corpus: Corpus) -> None:
    bench = Bench(tiny, corpus)
    assert not bench.encoder._computes_all(bench.words()[::3])


def test_wider_windows_are_encoded_row_by_row(compose: Callable[..., Config], corpus: Corpus) -> None:
    bench = Bench(compose("debug=tiny", "encoder.window_size=2"), corpus)
    assert not bench.encoder._computes_all(bench.words())


def test_texts_without_words_have_no_vectors(tiny: Config, corpus: Corpus) -> None:
    bench = Bench(tiny, corpus)
    encoded, gradients = learn(bench, np.empty(0, dtype=np.int64), Workspace())
    assert encoded.shape == (0, bench.encoder.width)
    assert not gradients.flat.any()
