"""The engine computes what stock spaCy computes, and its gradients are right."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spacy.tokens import Doc
from spacy.vectors import Vectors

from lmao import export
from lmao.batches import Runs, lay_out, part
from lmao.config import Config
from lmao.corpus import Corpus, hash_rows
from lmao.data import open_source
from lmao.encoder import NO_DROPOUT, Dropout, Encoder, Texts, TypeTable, initialize
from lmao.layers import Workspace
from lmao.parameters import Floats, Parameters

DIMS = 20


class Bench:
    """An encoder over a few real texts, with vectors for two words in three."""

    def __init__(self, settings: Config, corpus: Corpus, documents: int = 6) -> None:
        generator = np.random.default_rng(0)
        self.settings = settings.encoder
        self.corpus = corpus
        self.encoder = Encoder(settings.encoder, DIMS)
        self.weights = initialize(self.encoder.shapes(), seed=0)
        for name in self.weights.shapes:  # zeros and ones would hide a forgotten bias
            if name.endswith((".b", ".G")):
                self.weights[name][...] += generator.normal(0, 0.1, self.weights.shapes[name])
        rows = np.where(np.arange(len(corpus.words)) % 3 == 0, -1, np.arange(len(corpus.words))).astype(np.int32)
        table = generator.normal(size=(len(corpus.words) + 1, DIMS)).astype(np.float32)
        table[-1] = 0
        self.word_rows = rows
        self.types = TypeTable(hash_rows(corpus.types, settings.encoder.embed_rows), rows[corpus.type_words], table)
        begins = corpus.offsets[:documents]
        lengths = np.minimum(corpus.offsets[1 : documents + 1] - begins, 60)
        self.runs = Runs(begins, lengths, lengths)

    def texts(self) -> Texts:
        return lay_out(self.corpus, self.runs, self.encoder.gap)

    def forward(self, dropout: Dropout = NO_DROPOUT) -> tuple[Floats, Any]:
        return self.encoder(self.weights, self.types, self.texts(), dropout, Workspace())

    def gradients(self) -> Parameters:
        return self.weights.like(np.zeros_like(self.weights.flat))


@pytest.fixture
def bench(tiny: Config, corpus: Corpus) -> Bench:
    return Bench(tiny, corpus)


def test_forward_and_gradient_equal_stock_spacy_on_real_text(
    compose: Callable[..., Config], tiny: Config, corpus: Corpus, tmp_path: Path
) -> None:
    bench = Bench(compose(), corpus)
    nlp = export.blank_pipeline("en", None)
    words = [word for word, row in zip(corpus.words, bench.word_rows, strict=True) if row >= 0]
    keys = [nlp.vocab.strings.add(word) for word in words]
    # Stock spaCy lets words without a vector add the table's last row to the gradient of W: here that row is zeros.
    data = bench.types.vectors[[*bench.word_rows[bench.word_rows >= 0], -1]]
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=keys, attr="LOWER")
    tok2vec = export.stock_tok2vec(bench.settings, nlp)
    places = export.stock_places(tok2vec)
    assert set(places) == set(bench.encoder.shapes())
    export.to_stock(tok2vec, bench.weights)

    texts = bench.texts()
    documents = islice(open_source(tiny.data, tmp_path).documents(), len(texts.lengths))
    tokens = [nlp.make_doc(document.text) for document in documents]
    docs = [
        Doc(nlp.vocab, words=[token.text for token in doc[:length]])
        for doc, length in zip(tokens, texts.lengths, strict=True)
    ]
    expected, stock_backprop = tok2vec(docs, is_train=True)
    encoded, backprop = bench.forward()
    for start, length, rows in zip(texts.starts, texts.lengths, expected, strict=True):
        np.testing.assert_allclose(encoded[start : start + length], rows, rtol=1e-5, atol=1e-5)

    generator = np.random.default_rng(1)
    d_rows = [generator.normal(size=rows.shape).astype(np.float32) / len(rows) for rows in expected]
    d_encoded = np.zeros_like(encoded)
    for start, length, d in zip(texts.starts, texts.lengths, d_rows, strict=True):
        d_encoded[start : start + length] = d
    gradients = bench.gradients()
    backprop(d_encoded, gradients)
    stock_backprop(d_rows)
    for name, (node, param) in places.items():
        np.testing.assert_allclose(export.spacy_order(name, gradients[name]), node.get_grad(param), atol=1e-5)


@pytest.mark.parametrize("rates", [(0.0, 0.0), (0.3, 0.2)])
def test_gradients_agree_with_finite_differences(bench: Bench, rates: tuple[float, float]) -> None:
    dropout = Dropout(*rates, key=7)
    encoded, backprop = bench.forward(dropout)
    direction = np.random.default_rng(2).normal(size=encoded.shape).astype(np.float32)
    gradients = bench.gradients()
    backprop(direction.copy(), gradients)
    for name in bench.weights.shapes:
        gradient = gradients[name].copy()
        size = float(np.linalg.norm(gradient))
        assert size > 0, name
        weights = bench.weights[name]
        kept = weights.copy()
        step = 2e-3 * max(1.0, float(np.linalg.norm(kept))) / 10
        values = []
        for sign in (1, -1):
            weights[...] = kept + sign * step * gradient / size
            values.append(float((bench.forward(dropout)[0] * direction).sum(dtype=np.float64)))
        weights[...] = kept
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(size, rel=0.05), name


def test_shares_of_a_batch_add_up_to_the_batch(bench: Bench) -> None:
    """Texts don't see each other, and dropout goes by the place in the whole batch."""
    dropout = Dropout(0.3, 0.2, key=3)
    texts = bench.texts()
    whole, backprop = bench.forward(dropout)
    direction = np.random.default_rng(3).normal(size=whole.shape).astype(np.float32)
    for start, length in zip(texts.starts[:-1] + texts.lengths[:-1], texts.starts[1:], strict=True):
        direction[start:length] = 0
    direction[: bench.encoder.gap] = direction[-bench.encoder.gap :] = 0
    together, apart = bench.gradients(), bench.gradients()
    whole = whole.copy()
    backprop(direction.copy(), together)
    for which in (slice(0, 2), slice(2, 6)):
        share = part(texts, which, bench.encoder.gap)
        encoded, backprop = bench.encoder(bench.weights, bench.types, share, dropout, Workspace())
        rows = slice(share.first, share.first + len(share.ids))
        for start, length in zip(share.starts, share.lengths, strict=True):
            here = slice(share.first + start, share.first + start + length)
            np.testing.assert_allclose(encoded[start : start + length], whole[here], atol=1e-5)
        backprop(direction[rows].copy(), apart)
    np.testing.assert_allclose(apart.flat, together.flat, atol=2e-4)


def test_dropout_keeps_the_share_it_should(bench: Bench) -> None:
    masks = Dropout(0.25, 0.5, key=5).masks(4000)
    assert (masks[:4] == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert (masks[4] == 0).mean() == pytest.approx(0.5, abs=0.03)
    local = np.zeros(500, dtype=np.int32)
    embedded = np.ones((1, bench.encoder.width), dtype=np.float32)
    encoder = bench.encoder
    encoder.depth = 0
    dropped, _ = encoder.encode(bench.weights, embedded, local, 0, Dropout(0.25, 0.0, key=5), Workspace())
    assert (dropped == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert dropped.mean() == pytest.approx(1.0, abs=0.03)


def test_an_encoder_without_vectors_has_no_weights_for_them(compose: Callable[..., Config]) -> None:
    without = Encoder(compose("encoder.static_vectors=false").encoder, DIMS)
    assert "embed.vectors.W" not in without.shapes()
    assert without.shapes()["embed.maxout.W"] == (3, 96, 4 * 96)
