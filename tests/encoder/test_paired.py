"""Two rows at once give what one at a time gives, and need fewer products."""

from collections.abc import Callable

import numpy as np
import pytest

from lmao.config.run import Config
from lmao.corpus.batches import lay_out
from lmao.corpus.corpus import Corpus
from lmao.encoder import cnn
from lmao.encoder.dropout import NO_DROPOUT
from lmao.engine.layers import Workspace
from tests.encoder.test_encoder import Bench


@pytest.mark.parametrize(("depth", "pieces", "documents"), [(4, 3, 6), (1, 2, 1), (3, 1, 2)])
def test_pairs_of_rows_are_encoded_as_rows_are(
    compose: Callable[..., Config], corpus: Corpus, depth: int, pieces: int, documents: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    shape = f"encoder.depth={depth}", f"encoder.maxout_pieces={pieces}"
    bench = Bench(compose("debug=tiny", *shape), corpus, documents)
    monkeypatch.setattr("lmao.encoder.paired.PAIRS_AT_ONCE", 16)
    encoder, occurring = bench.encoder, np.arange(len(corpus.types))
    encode = encoder.embed_once(bench.weights, bench.types, occurring, Workspace())
    space = Workspace()
    for count in range(documents, 0, -1):  # what is left in the workspace must not matter
        texts = lay_out(corpus, bench.segments[slice(0, count)], encoder.gap)
        words = texts.rows(slice(0, count))
        expected, _ = encoder(bench.weights, bench.types, texts.ids.copy(), words, NO_DROPOUT, Workspace())
        np.testing.assert_allclose(encode(texts.ids, words, space), expected, atol=1e-5)


def test_wider_windows_are_encoded_row_by_row(
    compose: Callable[..., Config], corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cnn, "PairedLayers", None)
    bench = Bench(compose("debug=tiny", "encoder.window_size=2"), corpus)
    encode = bench.encoder.embed_once(bench.weights, bench.types, np.arange(len(corpus.types)), Workspace())
    texts, words = bench.texts(), bench.words()
    expected, _ = bench.encoder(bench.weights, bench.types, texts.ids.copy(), words, NO_DROPOUT, Workspace())
    np.testing.assert_allclose(encode(texts.ids, words, Workspace()), expected, atol=1e-5)
