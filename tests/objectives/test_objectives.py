"""The simplest losses against finite differences, and against the formulas they are said to equal."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from thinc.api import CosineDistance

from lmao.config.objective import OutputSettings
from lmao.corpus.batches import Segments
from lmao.engine.device import CPU
from lmao.objectives.contrastive import contrastive
from lmao.objectives.cosine import cosine
from lmao.objectives.document import document
from lmao.objectives.l2 import l2
from lmao.objectives.output import OutputLayer
from lmao.objectives.targets import Targets
from lmao.objectives.tasks import DocumentTask
from tests.support.losses import (
    Loss,
    assert_float32_in_and_out_on_any_device,
    assert_gradient_is_that_of_the_value,
    assert_shares_add_up,
    targets,
)

LOSSES: dict[str, Loss] = {
    "cosine": cosine,
    "l2": l2,
    "document": partial(document, contrastive=0.5, temperature=0.3),
}


def draw() -> tuple[np.ndarray, Targets]:
    generator = np.random.default_rng(0)
    return generator.normal(size=(5, 7)), targets(generator.normal(size=(5, 7)))


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_keeps_the_contract(name: str) -> None:
    prediction, wanted = draw()
    assert_gradient_is_that_of_the_value(LOSSES[name], prediction, wanted)
    assert_shares_add_up(LOSSES[name], prediction, wanted)
    assert_float32_in_and_out_on_any_device(LOSSES[name], prediction, wanted)


def test_cosine_equals_thinc() -> None:
    prediction, wanted = draw()
    vectors = wanted.vectors.astype(np.float32)
    wanted = replace(wanted, vectors=vectors, weights=np.ones(5, dtype=np.float32), total=5.0)
    gradient, loss = cosine(prediction.astype(np.float32), wanted)
    expected_gradient, expected_loss = CosineDistance(normalize=True)(prediction.astype(np.float32), vectors)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-7)
    assert loss == pytest.approx(float(expected_loss), rel=1e-6)


def test_l2_is_the_gradient_of_2018() -> None:
    prediction, wanted = draw()
    gradient, _ = l2(prediction, replace(wanted, weights=np.ones(5, dtype=np.float32)))
    np.testing.assert_allclose(gradient, (prediction - wanted.vectors) / wanted.lengths[:, None], rtol=1e-6)


def test_document_is_cosine_and_a_share_of_contrastive() -> None:
    prediction, wanted = draw()
    expected = cosine(prediction, wanted)[1] + 0.5 * contrastive(prediction, wanted, temperature=0.3)[1]
    assert LOSSES["document"](prediction, wanted)[1] == pytest.approx(expected)
    assert document(prediction, wanted, contrastive=0.0, temperature=0.3)[1] == cosine(prediction, wanted)[1]


def test_windows_of_one_document_are_one_candidate() -> None:
    def made(begins: np.ndarray, lengths: np.ndarray) -> Any:
        return np.eye(3, dtype=np.float32)[begins // 10]

    texts: Any = made
    head = OutputLayer("document", OutputSettings(hidden_size=0, maxout_pieces=1), 4, 3)
    task = DocumentTask("document", 1.0, head, partial(document, contrastive=1.0, temperature=0.1), CPU, texts)
    begins, lengths = np.array([20, 3, 25]), np.array([5, 5, 5])
    batch: Any = SimpleNamespace(segments=Segments(begins, lengths, lengths))
    targets = task.targets_of(batch).targets
    assert len(targets.candidates) == 2
    np.testing.assert_array_equal(targets.candidates[targets.places], targets.vectors)
