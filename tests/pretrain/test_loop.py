"""Pre-training: what is predicted, what each step changes, and that nothing finished is ever lost."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lmao.cache import Cache
from lmao.config.run import Config
from lmao.corpus.batches import batches, lay_out, windows
from lmao.corpus.corpus import Corpus
from lmao.corpus.selection import Selection
from lmao.encoder.dropout import Dropout
from lmao.encoder.encoder import TypeTable
from lmao.encoder.opening import open_encoder
from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats, Parameters
from lmao.engine.team import Team
from lmao.errors import Diverged
from lmao.objectives.masking import MASK_TYPE, Masking
from lmao.objectives.opening import open_tasks
from lmao.pretrain.checkpoint import Checkpoints, PretrainEpoch
from lmao.pretrain.loop import Pretraining
from lmao.pretrain.model import PretrainModel
from lmao.pretrain.texts import PretrainTexts
from lmao.stop import Stopped, StopSignal
from tests.support.recipes import WORDS
from tests.support.targets import target_sources

DIMS = 20
OBJECTIVES = ["l2", "cosine", "vmf", "contrastive", "trigram", "head", "characters", "document", "sum"]
Make = Callable[..., Pretraining]


@pytest.fixture
def make(corpus: Corpus, compose: Callable[..., Config]) -> Make:
    table = np.random.default_rng(0).normal(size=(len(corpus.words) + 1, DIMS)).astype(np.float32)
    table[-1] = 0
    rows = np.where(corpus.type_is_space, -1, corpus.type_words).astype(np.int32)

    def made(*overrides: str, documents: int = 60) -> Pretraining:
        settings = compose("debug=tiny", *WORDS, "pretrain.batch_words=500", "pretrain.warmup_steps=5", *overrides)
        encoder = open_encoder(settings.encoder, DIMS)
        types = TypeTable(encoder.hash_rows(corpus.types), rows, table)
        tasks, predictable = open_tasks(settings.parts, target_sources(corpus, rows, table), encoder)
        texts = PretrainTexts(settings.pretrain, Selection(corpus, np.arange(documents)), predictable, encoder.gap, 0)
        return Pretraining(settings.pretrain, PretrainModel(encoder, types, tasks), texts)

    return made


@pytest.fixture
def store(tmp_path: Path) -> Callable[[Pretraining, str], Checkpoints]:
    def opened(pretraining: Pretraining, name: str) -> Checkpoints:
        return Checkpoints(
            Cache(tmp_path / name, lambda line: warnings.append(line)), {"name": name}, pretraining.shapes
        )

    warnings: list[str] = []
    opened.warnings = warnings  # type: ignore[attr-defined]
    return opened


def ignore(*words: float, **figures: float) -> None:
    pass


def run(pretraining: Pretraining, checkpoints: Checkpoints, epochs: int, threads: int = 1) -> list[PretrainEpoch]:
    with Team(threads) as team, StopSignal() as stop:
        while len(pretraining.epochs) < epochs:
            pretraining.run_epoch(checkpoints, team, stop, ignore)
    return pretraining.epochs


def average(checkpoints: Checkpoints, epoch: int) -> Floats:
    found = checkpoints.epoch(epoch)
    assert found is not None
    return found[0].flat


@pytest.mark.parametrize(("objective", "threads"), [(name, 1) for name in OBJECTIVES] + [("cosine", 2), ("sum", 2)])
def test_three_epochs_equal_two_plus_one(
    make: Make, store: Callable[[Pretraining, str], Checkpoints], objective: str, threads: int
) -> None:
    whole, first, then = (make(f"objective={objective}", documents=20) for _ in range(3))
    at_once, in_parts = store(whole, "whole"), store(whole, "parts")
    run(whole, at_once, 3, threads)
    run(first, in_parts, 2, threads)
    then.resume(in_parts, 3)
    assert len(then.epochs) == 2
    run(then, in_parts, 3, threads)
    for epoch in (1, 2, 3):
        np.testing.assert_array_equal(average(in_parts, epoch), average(at_once, epoch))
    assert [(e.loss, e.heldout) for e in whole.epochs] == [(e.loss, e.heldout) for e in then.epochs]


def test_a_stop_in_the_middle_of_an_epoch_loses_nothing(
    make: Make, store: Callable[[Pretraining, str], Checkpoints]
) -> None:
    whole, stopped, then = make(), make(), make()
    at_once, in_parts = store(whole, "whole"), store(whole, "parts")
    run(whole, at_once, 2)
    done = 0

    with Team(1) as team, StopSignal() as stop:

        def stop_after_seven(words: float, **figures: float) -> None:
            nonlocal done
            done += 1
            if done == 7:
                os.kill(os.getpid(), 15)

        with pytest.raises(Stopped):
            stopped.run_epoch(in_parts, team, stop, stop_after_seven)
    state = in_parts.state()
    assert state is not None
    assert state.step == 8  # the batch that was under way is finished
    then.resume(in_parts, 2)
    assert 0 < then.words_done < then.words
    run(then, in_parts, 2)
    np.testing.assert_array_equal(average(in_parts, 2), average(at_once, 2))
    assert then.epochs[0].loss == whole.epochs[0].loss


def test_fewer_epochs_than_the_state_has_start_afresh(
    make: Make, store: Callable[[Pretraining, str], Checkpoints]
) -> None:
    longer, shorter = make(), make()
    checkpoints = store(longer, "kept")
    run(longer, checkpoints, 2)
    shorter.resume(checkpoints, 1)
    assert shorter.epochs == []


@pytest.mark.parametrize("epochs", [1, 2])
def test_an_epoch_whose_weights_a_kill_kept_from_being_written_has_them_again(
    make: Make, store: Callable[[Pretraining, str], Checkpoints], tmp_path: Path, epochs: int
) -> None:
    first, then = make(), make()
    checkpoints = store(first, "kept")
    run(first, checkpoints, 1)
    weights = average(checkpoints, 1)
    (entry,) = tmp_path.rglob("epoch-1")
    shutil.rmtree(entry)
    then.resume(checkpoints, epochs)
    np.testing.assert_array_equal(average(checkpoints, 1), weights)


def test_what_a_kill_left_of_a_state_is_removed_by_the_next_process(
    make: Make, store: Callable[[Pretraining, str], Checkpoints], tmp_path: Path
) -> None:
    pretraining = make()
    checkpoints = store(pretraining, "kept")
    run(pretraining, checkpoints, 1)
    (entry,) = tmp_path.rglob("state-*")
    shutil.copytree(entry, entry.with_name(f".{entry.name}-abc"))
    with checkpoints.lock():
        assert sorted(path.name for path in entry.parent.iterdir()) == ["epoch-1", entry.name]


@pytest.mark.parametrize("name", ["state-*", "epoch-1"])
def test_a_flipped_byte_is_noticed_and_the_epoch_computed_again(
    make: Make, store: Callable[[Pretraining, str], Checkpoints], name: str
) -> None:
    first, again = make(), make()
    checkpoints = store(first, "kept")
    run(first, checkpoints, 1)
    expected = average(checkpoints, 1).copy()
    for path in checkpoints._cache.root.glob(f"pretrain/*/{name}/average.npy"):
        content = bytearray(path.read_bytes())
        content[-9] ^= 1
        path.write_bytes(content)
    if name == "epoch-1":
        assert checkpoints.epoch(1) is None
    else:
        assert checkpoints.state() is None
    assert "damaged" in store.warnings[-1]  # type: ignore[attr-defined]
    run(again, checkpoints, 1)
    np.testing.assert_array_equal(average(checkpoints, 1), expected)


def test_a_damaged_last_epoch_is_restored_from_the_state(
    make: Make, store: Callable[[Pretraining, str], Checkpoints]
) -> None:
    first, again = make(), make()
    checkpoints = store(first, "kept")
    run(first, checkpoints, 2)
    expected = average(checkpoints, 2).copy()
    (damaged,) = checkpoints._cache.root.glob("pretrain/*/epoch-2/average.npy")
    damaged.write_bytes(b"not an array")
    assert checkpoints.epoch(2) is None
    again.resume(checkpoints, 2)
    assert len(again.epochs) == 2
    np.testing.assert_array_equal(again.weights().flat, expected)
    np.testing.assert_array_equal(average(checkpoints, 2), expected)


def test_weights_of_another_model_are_not_loaded(make: Make, store: Callable[[Pretraining, str], Checkpoints]) -> None:
    small, large = make(), make("encoder.width=48")
    checkpoints = store(small, "kept")
    run(small, checkpoints, 1)
    other = Checkpoints(checkpoints._cache, {"name": "kept"}, large.shapes)
    assert other.epoch(1) is None
    assert other.state() is None


def test_one_step_changes_every_array(make: Make, store: Callable[[Pretraining, str], Checkpoints]) -> None:
    pretraining = make("pretrain.batch_words=100000", "pretrain.mask_symbol=0.5", "pretrain.random_word=0.3")
    weights = pretraining.optimizer.weights
    before = weights.flat.copy()
    run(pretraining, store(pretraining, "kept"), 1)
    assert pretraining.optimizer.steps == 1
    for name, span in weights.spans.items():
        assert not np.array_equal(before[span], weights.flat[span]), name


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_loss_falls_on_real_text(
    make: Make, store: Callable[[Pretraining, str], Checkpoints], objective: str
) -> None:
    pretraining = make(f"objective={objective}", "pretrain.heldout=0.2", documents=80)
    epochs = run(pretraining, store(pretraining, "kept"), 3)
    assert epochs[-1].loss < epochs[0].loss - 0.03 * abs(epochs[0].loss)
    measured = next(iter(epochs[0].heldout))
    assert epochs[-1].heldout[measured] > epochs[0].heldout[measured]


def test_without_masks_every_word_is_seen_in_training_and_on_held_out_texts(make: Make) -> None:
    texts = make("objective=document", "pretrain=document", "pretrain.window_words=50", "pretrain.heldout=0.2").texts
    steps, heldout = texts.steps(1), list(texts.heldout())
    assert len(steps) > 1 and heldout
    for batch in [*(texts.batch(step, 1, number) for number, step in enumerate(steps)), *heldout]:
        np.testing.assert_array_equal(batch.masked.texts.ids, batch.originals)


def test_a_diverging_run_says_so(make: Make, store: Callable[[Pretraining, str], Checkpoints]) -> None:
    pretraining = make("pretrain.learn_rate=1e30", "objective=l2", "pretrain.grad_clip=0", "pretrain.warmup_steps=0")
    with np.errstate(all="ignore"), pytest.raises(Diverged, match=r"not finite in epoch 1, step \d+: lower"):
        run(pretraining, store(pretraining, "kept"), 1)


def test_windows_drop_nothing(corpus: Corpus) -> None:
    documents = np.arange(len(corpus.offsets) - 1)
    cut = windows(corpus, documents, longest=50)
    assert cut.lengths.max() <= 50
    covered = np.concatenate([np.arange(b, b + n) for b, n in zip(cut.begins, cut.lengths, strict=True)])
    np.testing.assert_array_equal(covered, np.arange(len(corpus.tokens)))
    steps = batches(cut.lengths, 500)
    assert sum(int(cut.lengths[step].sum()) for step in steps) == len(corpus.tokens)
    assert max(int(cut.lengths[step].sum()) for step in steps) < 550


def test_masks_follow_the_settings(corpus: Corpus, compose: Callable[..., Config]) -> None:
    settings = compose(
        "pretrain=lmao", "pretrain.mask_rate=0.4", "pretrain.mask_symbol=0.5", "pretrain.random_word=0.3"
    ).pretrain
    documents = np.arange(len(corpus.offsets) - 1)
    counts = Selection(corpus, documents).counts
    predictable = ~corpus.type_is_space
    texts = lay_out(corpus, windows(corpus, documents, 200), gap=2)
    masked = Masking(settings, counts, predictable)(texts, np.random.default_rng(0))

    assert len(masked.rows) / (counts * predictable).sum() == pytest.approx(0.4, abs=0.01)
    np.testing.assert_array_equal(texts.ids[masked.rows], masked.types)
    assert predictable[masked.types].all()
    seen = masked.texts.ids[masked.rows]
    assert (seen == MASK_TYPE).mean() == pytest.approx(0.5, abs=0.01)
    assert (seen == masked.types).mean() == pytest.approx(0.2, abs=0.02)  # kept, and random words that are the same
    elsewhere = np.ones(len(texts.ids), dtype=bool)
    elsewhere[masked.rows] = False
    np.testing.assert_array_equal(masked.texts.ids[elsewhere], texts.ids[elsewhere])


def test_random_words_follow_the_counts_of_the_corpus(corpus: Corpus, compose: Callable[..., Config]) -> None:
    settings = compose(
        "pretrain=lmao", "pretrain.mask_rate=1", "pretrain.mask_symbol=0", "pretrain.random_word=1"
    ).pretrain
    documents = np.arange(len(corpus.offsets) - 1)
    counts = Selection(corpus, documents).counts * ~corpus.type_is_space
    texts = lay_out(corpus, windows(corpus, documents, 200), gap=2)
    masked = Masking(settings, counts, counts > 0)(texts, np.random.default_rng(0))
    drawn = np.bincount(masked.texts.ids[masked.rows], minlength=len(counts))
    frequent = np.argsort(-counts)[:5]
    np.testing.assert_allclose(drawn[frequent] / drawn.sum(), counts[frequent] / counts.sum(), rtol=0.1)
    assert drawn[counts == 0].sum() == 0


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_gradient_of_a_step_agrees_with_finite_differences(make: Make, corpus: Corpus, objective: str) -> None:
    """Through output layers and encoder, as the loop calls them."""
    pretraining = make(f"objective={objective}", "pretrain.mask_rate=0.3")
    weights = pretraining.optimizer.weights
    weights.flat += np.random.default_rng(0).normal(0, 0.05, len(weights.flat)).astype(np.float32)
    texts = windows(corpus, np.arange(4), 60)
    batch = pretraining.texts.batch(texts, epoch=1, step=0)
    targets = [task.targets_of(batch) for task in pretraining.model.tasks]
    dropout = Dropout(0.2, 0.2, key=3)

    def loss(gradients: Parameters) -> float:
        every = slice(0, len(texts))
        return pretraining.model.learn(weights, batch, targets, every, dropout, Workspace(), gradients)

    gradients, unused = (weights.like(np.zeros_like(weights.flat)) for _ in range(2))
    loss(gradients)
    for name in weights.shapes:
        gradient = gradients[name].copy()
        size = float(np.linalg.norm(gradient))
        assert size > 0, name
        values, kept = [], weights[name].copy()
        step = 7e-4 * max(1.0, float(np.linalg.norm(kept)))
        for sign in (1, -1):
            weights[name][...] = kept + sign * step * gradient / size
            values.append(loss(unused))
        weights[name][...] = kept
        assert (values[0] - values[1]) / (2 * step) == pytest.approx(size, rel=0.05, abs=2e-4), name
