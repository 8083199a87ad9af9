"""The engine computes what stock spaCy computes, and its gradients are right."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spacy.tokens import Doc
from spacy.vectors import Vectors

from lmao.config.encoder import CnnEncoder
from lmao.config.fields import Mark
from lmao.config.run import Config
from lmao.corpus.batches import Rows, Segments, Texts, lay_out
from lmao.corpus.corpus import Corpus
from lmao.data.source import open_source
from lmao.encoder import stock
from lmao.encoder.cnn import Cnn
from lmao.encoder.dropout import NO_DROPOUT, Dropout
from lmao.encoder.encoder import TypeTable
from lmao.engine.initialization import initialize
from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats, Parameters
from tests.support import reference

DIMS = 20


class Bench:
    """An encoder over a few real texts, with vectors for two words in three."""

    def __init__(self, settings: Config, corpus: Corpus, documents: int = 6) -> None:
        generator = np.random.default_rng(0)
        assert isinstance(settings.encoder, CnnEncoder)
        self.settings = settings.encoder
        self.corpus = corpus
        self.encoder = Cnn(settings.encoder, DIMS)
        self.weights = initialize(self.encoder.shapes(), seed=0)
        for name in self.weights.shapes:  # zeros and ones would hide a forgotten bias
            if name.endswith((".b", ".G")):
                self.weights[name][...] += generator.normal(0, 0.1, self.weights.shapes[name])
        rows = np.where(np.arange(len(corpus.words)) % 3 == 0, -1, np.arange(len(corpus.words))).astype(np.int32)
        table = generator.normal(size=(len(corpus.words) + 1, DIMS)).astype(np.float32)
        table[-1] = 0
        self.word_rows = rows
        self.types = TypeTable(self.encoder.hash_rows(corpus.types), rows[corpus.type_words], table)
        begins = corpus.offsets[:documents]
        lengths = np.minimum(corpus.offsets[1 : documents + 1] - begins, 60)
        self.segments = Segments(begins, lengths, lengths)

    def texts(self) -> Texts:
        return lay_out(self.corpus, self.segments, self.encoder.gap)

    def words(self) -> Rows:
        """The rows of all words."""
        return self.texts().rows(slice(0, len(self.segments)))

    def forward(self, dropout: Dropout = NO_DROPOUT, wanted: Rows | None = None) -> tuple[Floats, Any]:
        wanted = self.words() if wanted is None else wanted
        return self.encoder(self.weights, self.types, self.texts().ids, wanted, dropout, Workspace())

    def gradients(self) -> Parameters:
        return self.weights.like(np.zeros_like(self.weights.flat))


@pytest.fixture
def bench(tiny: Config, corpus: Corpus) -> Bench:
    return Bench(tiny, corpus)


def test_forward_and_gradient_equal_stock_spacy_on_real_text(
    compose: Callable[..., Config], tiny: Config, corpus: Corpus, tmp_path: Path
) -> None:
    bench = Bench(compose(), corpus)
    nlp = stock.blank_pipeline("en", None)
    words = [word for word, row in zip(corpus.words, bench.word_rows, strict=True) if row >= 0]
    keys = [nlp.vocab.strings.add(word) for word in words]
    # Stock spaCy lets words without a vector add the table's last row to the gradient of W: here that row is zeros.
    data = bench.types.vectors[[*bench.word_rows[bench.word_rows >= 0], -1]]
    nlp.vocab.vectors = Vectors(strings=nlp.vocab.strings, data=data, keys=keys, attr="LOWER")
    tok2vec = stock.stock_tok2vec(bench.settings, nlp)
    places = stock.stock_places(tok2vec)
    assert set(places) == set(bench.encoder.shapes())
    stock.to_stock(tok2vec, bench.weights)

    texts = bench.texts()
    documents = islice(open_source(tiny.data, tmp_path).documents(), len(texts.lengths))
    tokens = [nlp.make_doc(document.text) for document in documents]
    docs = [
        Doc(nlp.vocab, words=[token.text for token in doc[:length]])
        for doc, length in zip(tokens, texts.lengths, strict=True)
    ]
    expected, stock_backprop = tok2vec(docs, is_train=True)
    encoded, backprop = bench.forward()
    np.testing.assert_allclose(encoded, np.concatenate(expected), rtol=1e-5, atol=1e-5)

    generator = np.random.default_rng(1)
    d_rows = [generator.normal(size=rows.shape).astype(np.float32) / len(rows) for rows in expected]
    gradients = bench.gradients()
    backprop(np.concatenate(d_rows), gradients)
    stock_backprop(d_rows)
    for name, (node, param) in places.items():
        gradient = stock.spacy_order(name, gradients[name])
        np.testing.assert_allclose(gradient, node.get_grad(param), rtol=1e-5, atol=1e-5)


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


@pytest.mark.parametrize("rate", [0.0, 0.3])
def test_output_rows_are_those_of_the_whole_computation(bench: Bench, rate: float) -> None:
    dropout = Dropout(rate, rate, key=4)
    wanted = bench.words()[np.random.default_rng(4).random(len(bench.words())) < 0.1]
    expected = reference.encode(bench.encoder, bench.weights, bench.types, bench.texts().ids, dropout)
    np.testing.assert_allclose(bench.forward(dropout)[0], expected[bench.words()], atol=1e-5)
    np.testing.assert_allclose(bench.forward(dropout, wanted)[0], expected[wanted], atol=1e-5)


@pytest.mark.parametrize("reach", [1, 2])
def test_the_gradient_is_that_of_the_whole_computation(
    bench: Bench, reach: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cnn, "_computes_all", lambda *arguments: False)
    bench.encoder.gap *= reach
    bench.encoder.reach = reach
    bench.weights = initialize(bench.encoder.shapes(), seed=0)
    dropout, words = Dropout(0.3, 0.2, key=4), bench.words()
    chosen = np.random.default_rng(4).random(len(words)) < 0.1
    encoded, backprop = bench.forward(dropout)
    few, backprop_few = bench.forward(dropout, words[chosen])
    np.testing.assert_allclose(few, encoded[chosen], rtol=1e-5, atol=1e-5)  # a product sums by its rows' number
    d_few = np.random.default_rng(5).normal(size=few.shape).astype(np.float32) / len(few)
    d_encoded = np.zeros_like(encoded)
    d_encoded[chosen] = d_few
    whole, own = bench.gradients(), bench.gradients()
    backprop(d_encoded, whole)
    backprop_few(d_few, own)
    np.testing.assert_allclose(own.flat, whole.flat, rtol=1e-5, atol=1e-5)


def test_only_rows_near_a_wanted_word_are_computed(bench: Bench) -> None:
    row = int(bench.words()[30])
    field = bench.encoder.field(np.array([row, row + 1]))
    depth, reach = bench.encoder.depth, bench.encoder.reach
    for layer, rows in enumerate(field.rows):
        far = reach * (depth - layer)
        assert rows.tolist() == list(range(row - far, row + 1 + far + 1))


def test_shares_of_a_batch_add_up_to_the_batch(bench: Bench) -> None:
    """Any cut will do, and dropout goes by the place in the whole batch."""
    dropout, words = Dropout(0.3, 0.2, key=3), bench.words()
    whole, backprop = bench.forward(dropout)
    direction = np.random.default_rng(3).normal(size=whole.shape).astype(np.float32)
    together, apart = bench.gradients(), bench.gradients()
    backprop(direction.copy(), together)
    for share in (slice(0, 31), slice(31, None)):
        encoded, backprop = bench.forward(dropout, words[share])
        np.testing.assert_allclose(encoded, whole[share], atol=1e-5)
        backprop(direction[share].copy(), apart)
    np.testing.assert_allclose(apart.flat, together.flat, atol=2e-4)


def test_dropout_keeps_the_share_it_should(bench: Bench) -> None:
    masks = Dropout(0.25, 0.5, key=5).masks(4000)
    assert (masks[:4] == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert (masks[4] == 0).mean() == pytest.approx(0.5, abs=0.03)
    embedded = np.ones((1, bench.encoder.width), dtype=np.float32)
    encoder, local = bench.encoder, np.zeros(500, dtype=np.int32)
    encoder.depth = 0
    field = encoder.field(np.arange(500))
    dropped, _ = encoder.encode(bench.weights, embedded, local, field, Dropout(0.25, 0.0, key=5), Workspace())
    assert (dropped == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert dropped.mean() == pytest.approx(1.0, abs=0.03)


def test_an_encoder_without_vectors_has_no_weights_for_them(compose: Callable[..., Config]) -> None:
    settings = compose("encoder.static_vectors=false").encoder
    assert isinstance(settings, CnnEncoder)
    without = Cnn(settings, DIMS)
    assert "embed.vectors.W" not in without.shapes()
    assert without.shapes()["embed.maxout.W"] == (3, 96, 4 * 96)


def test_the_name_of_the_only_kind_changes_no_key(compose: Callable[..., Config]) -> None:
    """Caches and studies from before there was a name stay valid."""
    settings = compose()
    assert settings.encoder.name == "cnn"
    assert "name" not in settings.science()["encoder"]
    assert "name" not in settings.encoder.without(Mark.NOT_SCIENCE)
    assert settings.keys()["encoder"]["name"] == "cnn"
