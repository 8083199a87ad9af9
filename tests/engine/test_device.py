"""device=gpu: it computes what the processor computes, and a machine without one says so."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from thinc.api import get_ops
from thinc.compat import has_cupy, has_cupy_gpu

from lmao.cache import Cache
from lmao.config.run import Config
from lmao.corpus.corpus import Corpus
from lmao.corpus.selection import Selection
from lmao.data.splits import Examples
from lmao.encoder.encoder import Encoder, TypeTable
from lmao.encoder.opening import open_encoder
from lmao.engine.device import CPU, ArrayDevice, Device, open_device
from lmao.engine.parameters import Floats
from lmao.engine.team import Team
from lmao.objectives.opening import open_tasks
from lmao.paths import ROOT
from lmao.pretrain.checkpoint import Checkpoints
from lmao.pretrain.loop import Pretraining
from lmao.pretrain.model import PretrainModel
from lmao.pretrain.texts import PretrainTexts
from lmao.stop import StopSignal
from lmao.textcat.classifier import Classifier, initial_weights
from lmao.textcat.finetuning import FineTuning
from tests.support.guarded import GuardedOps
from tests.support.recipes import WORDS
from tests.support.targets import target_sources

DIMS = 20


@dataclass(frozen=True)
class Trained:
    """The results of a pre-training and a fine-tuning."""

    losses: list[float]
    cosines: list[float]
    pretrained: Floats
    tuned_loss: float
    scores: Floats


def ignore(done: float, **figures: float) -> None:
    pass


def pretraining(device: Device, settings: Config, corpus: Corpus) -> tuple[Pretraining, Encoder, TypeTable]:
    table = np.random.default_rng(0).normal(size=(len(corpus.words) + 1, DIMS)).astype(np.float32)
    table[-1] = 0
    rows = np.where(corpus.type_is_space, -1, corpus.type_words).astype(np.int32)
    encoder = open_encoder(settings.encoder, DIMS, device)
    types = TypeTable(encoder.hash_rows(corpus.types), rows, device.to_device(table))
    tasks, predictable = open_tasks(settings.parts, target_sources(corpus, rows, table), encoder)
    texts = PretrainTexts(settings.pretrain, Selection(corpus, np.arange(60)), predictable, encoder.gap, 0)
    return Pretraining(settings.pretrain, PretrainModel(encoder, types, tasks), texts), encoder, types


def train(device: Device, settings: Config, corpus: Corpus, folder: Path, resume_on: Device) -> Trained:
    """An epoch of pre-training on a device, another on that which takes it up, then an epoch of fine-tuning there."""
    first, _, _ = pretraining(device, settings, corpus)
    then, encoder, types = pretraining(resume_on, settings, corpus)
    checkpoints = Checkpoints(Cache(folder, pytest.fail), {}, first.shapes)
    with Team(1, device) as team, StopSignal() as stop:
        first.run_epoch(checkpoints, team, stop, ignore)
    then.resume(checkpoints, 2)
    assert settings.textcat.name == "cnn"
    with Team(1, resume_on) as team, StopSignal() as stop:
        then.run_epoch(checkpoints, team, stop, ignore)
        classifier = Classifier(encoder, types, corpus, 2)
        labelled = np.flatnonzero(corpus.labels >= 0)[:40]
        examples = Examples(labelled, corpus.labels[labelled] % 2)
        weights = initial_weights(classifier, then.weights(), 0)[0]
        tuning = FineTuning(
            settings.textcat, settings.optimizer, classifier, weights, examples, examples, settings.seed
        )
        epoch = next(tuning.run(team, ignore))
        scores = classifier.predict(tuning.best, labelled, team)
    return Trained(
        [epoch.loss for epoch in then.epochs], [next(iter(epoch.heldout.values())) for epoch in then.epochs],
        then.weights().flat, epoch.loss, scores,
    )  # fmt: skip


@pytest.fixture(scope="module")
def settings(compose: Callable[..., Config]) -> Config:
    return compose(
        "debug=tiny",
        *WORDS,
        "pretrain.batch_words=500",
        "pretrain.eps=1e-4",
        "optimizer.learn_rate=0.01",
        "optimizer.eps=1e-4",
    )


@pytest.fixture(scope="module")
def on_cpu(settings: Config, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(CPU, settings, corpus, tmp_path_factory.mktemp("cpu"), CPU)


def gpu() -> Device:
    if not has_cupy_gpu:
        pytest.skip("cupy finds no GPU here")
    return open_device("gpu")


DEVICES = {
    "thinc's numpy": lambda: ArrayDevice(get_ops("numpy")),
    "guarded": lambda: ArrayDevice(GuardedOps()),
    "gpu": gpu,
}


@pytest.mark.parametrize("name", DEVICES)
@pytest.mark.parametrize("begins_on_the_processor", [False, True])
def test_a_device_learns_what_the_processor_learns(
    name: str, begins_on_the_processor: bool, on_cpu: Trained, settings: Config, corpus: Corpus, tmp_path: Path
) -> None:
    device = DEVICES[name]()
    found = train(CPU if begins_on_the_processor else device, settings, corpus, tmp_path, device)
    assert found.losses == pytest.approx(on_cpu.losses, rel=1e-4)
    assert found.cosines == pytest.approx(on_cpu.cosines, abs=1e-4)
    np.testing.assert_allclose(found.pretrained, on_cpu.pretrained, atol=1e-4)
    assert found.tuned_loss == pytest.approx(on_cpu.tuned_loss, rel=1e-4)
    np.testing.assert_allclose(found.scores, on_cpu.scores, atol=1e-4)


@pytest.mark.parametrize("device", [CPU, ArrayDevice(get_ops("numpy"))], ids=["processor", "arrays"])
def test_every_form_of_a_product(device: Device) -> None:
    def draw(*shape: int) -> Floats:
        return np.random.default_rng(0).normal(size=shape).astype(np.float32)

    X, W, wide = draw(7, 5), draw(4, 5), draw(7, 9)
    for A, B, out in [
        (X, W.T, draw(7, 4)),  # forward
        (draw(7, 4), W, draw(7, 5)),  # gradient of the input
        (draw(7, 4).T, X, draw(4, 5)),  # gradient of the weights
        (X, W.T, wide[:, 3:7]),  # into some columns
        (draw(1, 5), W.T, draw(1, 4)),
        (draw(0, 5), W.T, draw(0, 4)),
        (draw(0, 4).T, draw(0, 5), draw(4, 5)),
    ]:
        device.product(A, B, out)
        np.testing.assert_allclose(out, A.astype(np.float64) @ B, rtol=1e-5, atol=1e-5)


def test_the_library_that_multiplies_is_named() -> None:
    assert CPU.blas().startswith("numpy: ")


def test_where_it_is_computed_does_not_count_as_another_setting(compose: Callable[..., Config]) -> None:
    assert compose("device=gpu").science() == compose("device=cpu").science()


@pytest.mark.skipif(has_cupy, reason="cupy is installed here")
def test_without_cupy_one_line_says_what_to_install(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "train.py"), "debug=tiny", "device=gpu"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: device=gpu: cupy is not installed: "
        "pip install -e '.[gpu]' where there is an NVIDIA GPU, or leave device=cpu"
    ]
