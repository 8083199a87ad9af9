"""What every loss must satisfy: its gradient is that of its value, shares of a batch add up, any device will do."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from lmao.engine.parameters import Floats
from lmao.objectives.targets import Targets
from tests.support.guarded import GuardedOps

Loss = Callable[[Floats, Targets], tuple[Floats, float]]


def targets(vectors: Any, candidates: Any = None, places: Any = None) -> Targets:
    """Targets of a share of a batch: unequal weights, and a total above their sum."""
    n = len(vectors)
    return Targets(
        vectors=vectors,
        lengths=np.arange(2, n + 2),
        weights=np.linspace(0.5, 1.5, n).astype(np.float32),
        total=n + 2.5,
        candidates=vectors if candidates is None else candidates,
        places=np.arange(n) if places is None else places,
    )


def assert_gradient_is_that_of_the_value(loss: Loss, prediction: Any, targets: Targets, step: float = 1e-5) -> None:
    """By central differences; prediction in double precision."""
    gradient, _ = loss(prediction, targets)
    expected = np.empty_like(prediction)
    for place in np.ndindex(*prediction.shape):
        values = []
        for sign in (1, -1):
            moved = prediction.copy()
            moved[place] += sign * step
            values.append(loss(moved, targets)[1])
        expected[place] = (values[0] - values[1]) / (2 * step)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7 * np.abs(expected).max())


def assert_shares_add_up(loss: Loss, prediction: Any, targets: Targets) -> None:
    gradient, value = loss(prediction, targets)
    shares = [slice(0, 2), slice(2, 2), slice(2, len(prediction))]
    parts = [loss(prediction[share], targets.share(share)) for share in shares]
    assert sum(part[1] for part in parts) == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(np.concatenate([part[0] for part in parts]), gradient, rtol=1e-6)


def assert_float32_in_and_out_on_any_device(loss: Loss, prediction: Any, targets: Targets) -> None:
    single = prediction.astype(np.float32)
    vectors, candidates = targets.vectors.astype(np.float32), targets.candidates.astype(np.float32)
    host = replace(targets, vectors=vectors, candidates=candidates)
    gradient, value = loss(single, host)
    assert gradient.dtype == np.float32
    assert value == pytest.approx(loss(prediction, targets)[1], rel=1e-5)
    ops = GuardedOps()
    arrays = {f.name: getattr(host, f.name) for f in fields(host) if f.name != "total"}
    there: Any = {name: ops.asarray(array) for name, array in arrays.items()}
    found: Any
    found, value_there = loss(ops.asarray(single), replace(host, **there))
    np.testing.assert_allclose(ops.to_numpy(found), gradient, rtol=1e-6)
    assert value_there == pytest.approx(value, rel=1e-6)
