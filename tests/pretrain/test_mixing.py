"""Classifier updates between those of pre-training: whose weights move, how often, and that a stop loses nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lmao.cache import Cache
from lmao.config.run import Config
from lmao.corpus.corpus import Corpus
from lmao.corpus.selection import Selection
from lmao.data.splits import Examples
from lmao.encoder.encoder import TypeTable
from lmao.encoder.opening import open_encoder
from lmao.engine.team import Team
from lmao.objectives.opening import open_tasks
from lmao.pretrain.checkpoint import Checkpoints
from lmao.pretrain.loop import Pretraining
from lmao.pretrain.mixing import Mixing
from lmao.pretrain.model import PretrainModel
from lmao.pretrain.texts import PretrainTexts
from lmao.stop import StopSignal
from lmao.textcat.classifier import Classifier
from tests.support.finished import Finished
from tests.support.recipes import WORDS
from tests.support.targets import target_sources

DIMS = 20
SOFTMAX = {"softmax.W", "softmax.b"}


def ignore(*words: float, **figures: float) -> None:
    pass


@pytest.fixture
def make(corpus: Corpus, compose: Callable[..., Config]) -> Callable[..., Pretraining]:
    table = np.random.default_rng(0).normal(size=(len(corpus.words) + 1, DIMS)).astype(np.float32)
    table[-1] = 0
    rows = np.where(corpus.type_is_space, -1, corpus.type_words).astype(np.int32)
    labelled = np.flatnonzero(corpus.labels >= 0)[:20]

    def made(*overrides: str, before: int = 0) -> Pretraining:
        settings = compose("debug=tiny", *WORDS, "pretrain.batch_words=500", "pretrain.mix=0.5", *overrides)
        assert settings.textcat.name == "cnn"
        encoder = open_encoder(settings.encoder, DIMS)
        types = TypeTable(encoder.hash_rows(corpus.types), rows, table)
        examples = Examples(labelled, corpus.labels[labelled])
        classifier = Classifier(encoder, types, corpus, 2)
        mixing = Mixing(settings.pretrain, settings.textcat, classifier, examples, 0)
        tasks, predictable = open_tasks(settings.parts, target_sources(corpus, rows, table), encoder)
        texts = PretrainTexts(settings.pretrain, Selection(corpus, np.arange(40)), predictable, encoder.gap, 0)
        return Pretraining(settings.pretrain, PretrainModel(encoder, types, tasks), texts, mixing, before)

    return made


def run(pretraining: Pretraining, checkpoints: Checkpoints, epochs: int) -> np.ndarray:
    with Team(2) as team, StopSignal() as stop:
        while len(pretraining.epochs) < epochs:
            pretraining.run_epoch(checkpoints, team, stop, ignore)
    return pretraining.weights().flat


def test_a_mixed_pre_training_that_was_stopped_equals_one_that_was_not(
    make: Callable[..., Pretraining], tmp_path: Path
) -> None:
    whole, first, then = make(), make(), make()
    stores = [Checkpoints(Cache(tmp_path / name, pytest.fail), {}, whole.shapes) for name in ("whole", "parts")]
    expected = run(whole, stores[0], 2)
    run(first, stores[1], 1)
    then.resume(stores[1], 2)
    assert then.optimizer.missed == first.optimizer.missed
    np.testing.assert_array_equal(run(then, stores[1], 2), expected)


def test_each_update_leaves_the_other_tasks_output_layer_alone(make: Callable[..., Pretraining]) -> None:
    pretraining = make("pretrain.mask_symbol=0.5", "pretrain.random_word=0.3")
    weights = pretraining.optimizer.weights
    mixing = pretraining.mixing
    assert mixing is not None
    with Team(1) as team:
        gradients = team.gradients(weights.flat.size)
        before = weights.flat.copy()
        pretraining.update(pretraining.texts.steps(1)[0][:5], 1, 0, team, gradients)
        between = weights.flat.copy()
        mixing.update(pretraining.optimizer, team, gradients)
    heads = set(pretraining.model.tasks[0].output.shapes())
    for old, new, alone in ((before, between, SOFTMAX), (between, weights.flat, heads)):
        moved = {name for name, span in weights.spans.items() if not np.array_equal(old[span], new[span])}
        assert not moved & alone
        assert {"embed.lower.E", "encode.0.maxout.W"} < moved


def test_the_chance_of_a_classifier_update_is_annealed(make: Callable[..., Pretraining]) -> None:
    mixing = make("pretrain.mix=0.8", "pretrain.mix_end=0.2", "pretrain.mix_steps=100").mixing
    assert mixing is not None
    assert [mixing.chance(updates) for updates in (0, 50, 100, 1000)] == pytest.approx([0.8, 0.5, 0.2, 0.2])
    assert np.mean([mixing.is_due(updates) for updates in range(1000, 3000)]) == pytest.approx(0.2, abs=0.03)
    constant = make("pretrain.mix=0.8").mixing
    assert constant is not None
    assert constant.chance(0) == constant.chance(10**6) == 0.8


def test_epochs_that_follow_others_have_draws_of_their_own(make: Callable[..., Pretraining], tmp_path: Path) -> None:
    alone, after = make(), make(before=1)
    first, second = alone._steps()[0], after._steps()[0]
    assert not np.array_equal(first.begins, second.begins)
    run(alone, Checkpoints(Cache(tmp_path, pytest.fail), {}, alone.shapes), 1)
    np.testing.assert_array_equal(alone._steps()[0].begins, second.begins)


def test_both_continues_the_plain_pre_training(finished: Callable[..., Finished]) -> None:
    plain, both = finished(), finished("pretrain.mode=both", "pretrain.mix=1")
    assert both.result.pretrain is not None and plain.result.pretrain is not None
    first, second = both.result.pretrain.records
    assert [first["epoch"], second["epoch"]] == [1, 2]
    assert first["loss"] == plain.result.pretrain.records[0]["loss"]
    assert second["loss"] < first["loss"]
    assert both.result.pretrain.cached == 1


def test_other_labels_are_another_mixed_pre_training(finished: Callable[..., Finished]) -> None:
    one = finished("pretrain.mode=interleave", "pretrain.seed=0", "seed=1")
    other = finished("pretrain.mode=interleave", "pretrain.seed=0", "seed=2")
    assert one.result.pretrain is not None and other.result.pretrain is not None
    assert other.result.pretrain.cached == 0
    assert one.result.pretrain.loss != other.result.pretrain.loss
