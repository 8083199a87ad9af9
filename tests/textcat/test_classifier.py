"""The classifier: right gradients, predictions that depend on nothing else, and pre-trained weights."""

from collections.abc import Callable

import numpy as np
import pytest

from lmao.config.run import Config
from lmao.corpus.batches import documents, lay_out
from lmao.encoder.dropout import NO_DROPOUT, Dropout
from lmao.engine.initialization import initialize
from lmao.engine.layers import Workspace
from lmao.engine.parameters import Parameters
from lmao.engine.team import Team
from lmao.errors import UserError
from lmao.textcat.classifier import initial_weights
from tests.support.classifiers import Bench


def test_the_gradient_agrees_with_finite_differences(bench: Bench) -> None:
    generator = np.random.default_rng(0)
    weights = initialize(bench.classifier.shapes, 0)
    for name in weights.shapes:  # zeros would hide a forgotten term
        if name.endswith((".b", ".G")) or name.startswith("softmax"):
            weights[name][...] += generator.normal(0, 0.3, weights.shapes[name])
    texts = lay_out(bench.corpus, documents(bench.corpus, bench.train.documents[:6]), bench.encoder.gap)
    labels = bench.train.labels[:6]
    dropout = Dropout(0.2, 0.2, key=5)

    def loss(gradients: Parameters) -> float:
        return bench.classifier.learn(weights, texts, slice(0, 6), labels, dropout, Workspace(), gradients)

    gradients = weights.like(np.zeros_like(weights.flat))
    loss(gradients)
    unused = weights.like(np.zeros_like(weights.flat))
    for name in weights.shapes:
        gradient = gradients[name].copy()
        size = float(np.linalg.norm(gradient))
        assert size > 0, name
        values, kept = [], weights[name].copy()
        step = 2e-3 * max(1.0, float(np.linalg.norm(kept)))
        for sign in (1, -1):
            weights[name][...] = kept + sign * step * gradient / size
            values.append(loss(unused))
        weights[name][...] = kept
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(size, rel=0.05, abs=2e-4), name


def test_shares_of_a_batch_have_the_batchs_loss(bench: Bench, settings: Callable[..., Config]) -> None:
    one, two = (bench.tune(settings("textcat.epochs=1"), threads=threads) for threads in (1, 2))
    assert one.epochs[0].loss == pytest.approx(two.epochs[0].loss, rel=1e-4)
    np.testing.assert_allclose(one.averages[0], two.averages[0], atol=1e-4)


def random_weights(bench: Bench) -> Parameters:
    weights = initialize(bench.classifier.shapes, 4)
    weights["softmax.W"][...] = np.random.default_rng(5).normal(size=weights.shapes["softmax.W"])
    return weights


def test_a_prediction_does_not_depend_on_company_order_or_threads(bench: Bench) -> None:
    weights = random_weights(bench)
    numbers = np.arange(len(bench.corpus.offsets) - 1)
    with Team(1) as one, Team(2) as two:
        scores = bench.classifier.predict(weights, numbers, one)
        assert np.ptp(scores[:, 0]) > 0.1, "too much alike to tell"
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
        mixed = np.random.default_rng(0).permutation(numbers)
        np.testing.assert_allclose(bench.classifier.predict(weights, mixed, one), scores[mixed], atol=1e-5)
        np.testing.assert_allclose(bench.classifier.predict(weights, numbers, two), scores, atol=1e-5)
        np.testing.assert_allclose(bench.classifier.predict(weights, numbers[5:6], one), scores[5:6], atol=1e-5)


def test_a_prediction_is_what_learning_sees_without_dropout(bench: Bench) -> None:
    weights = random_weights(bench)
    texts = lay_out(bench.corpus, documents(bench.corpus, bench.train.documents), bench.encoder.gap)
    unused = weights.like(np.zeros_like(weights.flat))
    everything = slice(0, len(bench.train.labels))
    loss = bench.classifier.learn(weights, texts, everything, bench.train.labels, NO_DROPOUT, Workspace(), unused)
    with Team(1) as team:
        scores = bench.classifier.predict(weights, bench.train.documents, team)
    of_label = scores[np.arange(len(scores)), bench.train.labels]
    assert -np.log(of_label).mean() == pytest.approx(loss, rel=1e-4)


def test_words_are_told_as_they_are_done(bench: Bench) -> None:
    words: list[float] = []
    with Team(1) as team:
        bench.classifier.predict(random_weights(bench), bench.dev.documents, team, words.append)
    assert sum(words) == bench.corpus.count(bench.dev.documents)


def test_pretrained_weights_replace_the_encoders_and_nothing_else(bench: Bench) -> None:
    shapes = bench.encoder.shapes()
    pretrained = initialize(shapes | {"head.output.b": (7,)}, 9)
    pretrained.flat += np.float32(0.01)  # biases and layer norms start alike, training moves them
    fresh, arrays, numbers = initial_weights(bench.classifier, None, 0)
    assert (arrays, numbers) == (0, 0)
    loaded, arrays, numbers = initial_weights(bench.classifier, pretrained, 0)
    assert arrays == len(shapes)
    assert numbers == sum(int(np.prod(shape)) for shape in shapes.values())
    for name in shapes:
        np.testing.assert_array_equal(loaded[name], pretrained[name])
    for name in ("softmax.W", "softmax.b"):
        np.testing.assert_array_equal(loaded[name], fresh[name])


def test_pretrained_weights_of_another_shape_are_refused(bench: Bench) -> None:
    shapes = bench.encoder.shapes()
    name = "encode.1.maxout.b"
    for other in ({**shapes, name: (1, 2)}, {key: shape for key, shape in shapes.items() if key != name}):
        with pytest.raises(UserError, match=rf"{name} has shape .*, this encoder's \(3, 32\)"):
            initial_weights(bench.classifier, initialize(other, 9), 0)


def test_pretrained_weights_that_change_nothing_are_refused(bench: Bench) -> None:
    fresh = initial_weights(bench.classifier, None, 0)[0]
    with pytest.raises(UserError, match=r"left embed\.lower\.E"):
        initial_weights(bench.classifier, fresh, 0)
