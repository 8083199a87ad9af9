"""Adam is thinc's Adam, in one pass over everything."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import thinc.api

from lmao.config.run import Config
from lmao.engine.optimizer import Adam, learning_rate
from lmao.engine.parameters import Parameters

SHAPES = {"a.W": (7, 5), "b.b": (11,)}


@pytest.mark.parametrize("setting", ["L2=0.1", "grad_clip=0.01", "grad_clip=0", "beta1=0.5", "beta2=0.9", "eps=0.1"])
def test_steps_equal_those_of_thinc(compose: Callable[..., Config], setting: str) -> None:
    settings = compose("optimizer.learn_rate=0.01", f"optimizer.{setting}").optimizer
    generator = np.random.default_rng(0)
    weights = Parameters(SHAPES, generator.normal(size=46).astype(np.float32))
    average = weights.flat.copy()
    own = Adam(settings, weights)
    values = settings.model_dump()
    stock = thinc.api.Adam(values.pop("learn_rate"), **values, use_averages=False)
    expected = {name: weights[name].copy() for name in SHAPES}
    with ThreadPoolExecutor(2) as team:
        for step in range(1, 8):
            gradients = generator.normal(size=(2, 46)).astype(np.float32)
            summed = Parameters(SHAPES, gradients.sum(axis=0))
            own.step(gradients, settings.learn_rate, team)
            assert not gradients.any()
            for name in SHAPES:
                expected[name], _ = stock((0, name), expected[name], summed[name].copy())
                np.testing.assert_allclose(weights[name], expected[name], rtol=1e-5, atol=1e-6)
            keep = (1 + step) / (10 + step)
            average = keep * average + (1 - keep) * weights.flat
    np.testing.assert_allclose(own.averages().flat, average, rtol=1e-5, atol=1e-6)


def test_an_array_that_is_left_alone_misses_the_step(compose: Callable[..., Config]) -> None:
    """Its own next step is as if there had been none in between."""
    settings = compose().optimizer
    generator = np.random.default_rng(0)
    start = generator.normal(size=46).astype(np.float32)
    now, later = generator.normal(size=(2, 1, 46)).astype(np.float32)
    other, plain = Adam(settings, Parameters(SHAPES, start.copy())), Adam(settings, Parameters(SHAPES, start.copy()))
    rest = now.copy()
    rest[:, :35] = 0  # a.W's part
    with ThreadPoolExecutor(2) as team:
        other.step(rest, 0.01, team, ["a.W"])
        np.testing.assert_array_equal(other.weights["a.W"].ravel(), start[:35])
        assert other.missed == {"a.W": 1, "b.b": 0}
        other.step(later.copy(), 0.01, team)
        plain.step(later.copy(), 0.01, team)
    np.testing.assert_array_equal(other.weights["a.W"], plain.weights["a.W"])
    np.testing.assert_array_equal(other.averages()["a.W"], plain.averages()["a.W"])


def test_the_rate_depends_on_steps_done_alone(compose: Callable[..., Config]) -> None:
    constant = compose("pretrain.learn_rate=0.1", "pretrain.warmup_steps=10").pretrain
    assert [learning_rate(constant, steps) for steps in (0, 4, 9, 1000)] == pytest.approx([0.01, 0.05, 0.1, 0.1])
    falling = constant.model_copy(update={"schedule": "inverse_sqrt"})
    assert [learning_rate(falling, steps) for steps in (4, 9, 39)] == pytest.approx([0.05, 0.1, 0.05])
