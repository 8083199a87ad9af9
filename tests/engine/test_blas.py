"""Either library multiplies alike, in every form that layers ask for, and only a clear gain changes the choice."""

import numpy as np
import pytest

from lmao.engine.blas import LIBRARIES, choose, description, fastest, product
from lmao.engine.parameters import Floats


def draw(*shape: int) -> Floats:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_form_of_a_product(name: str) -> None:
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
        LIBRARIES[name](A, B, out)
        np.testing.assert_allclose(out, A.astype(np.float64) @ B, rtol=1e-5, atol=1e-5)


def test_blis_must_be_clearly_faster() -> None:
    assert choose({"numpy": 1.0, "blis": 0.7}) == "numpy"
    assert choose({"numpy": 1.0, "blis": 0.5}) == "blis"


def test_the_choice_is_made_once_and_can_be_told() -> None:
    assert fastest() in LIBRARIES
    assert fastest() == fastest()
    assert description()
    out = draw(2, 4)
    product(draw(2, 3), draw(4, 3).T, out)
    np.testing.assert_allclose(out, draw(2, 3) @ draw(4, 3).T, rtol=1e-5)
