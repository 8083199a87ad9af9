"""The von Mises-Fisher loss (Kumar & Tsvetkov, ICLR 2019): the prediction's direction is a guess of the target's, and
its length says how sure the guess is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lmao.engine.parameters import Floats
from lmao.objectives.targets import Targets

Doubles = NDArray[np.float64]

TINY = 1e-12  # in the place of a length of 0
# The expansion below has a relative error of 2e-7 from this order on; 50 dimensions are of order 24.
LEAST_ORDER = 24.0
# q_1, q_2, q_3 of `log_normalizer` by powers of s: the logarithm of Abramowitz & Stegun's 1 + u_1(t)/v + u_2(t)/v² + …
# (9.7.7), where t² = s and v = w t.
SERIES = ((3 / 24, -5 / 24), (1 / 16, -6 / 16, 5 / 16), (25 / 384, -531 / 640, 221 / 128, -1105 / 1152))
SLOPES = tuple(tuple(c * (j + 2 * i) for i, c in enumerate(row)) for j, row in enumerate(SERIES, 1))


def vmf(prediction: Floats, targets: Targets, length_penalty: float, alignment: float) -> tuple[Floats, float]:
    """The negative logarithm of the target's density in a von Mises-Fisher distribution about the prediction.

        Σ w (-log C(|p|) + length_penalty |p| - alignment p·t / |t|) / W

    C is the density's normaliser, divided by its value at |p| = 0: the paper's loss less a constant, so that a
    prediction of zeros costs 0. With the settings 0 and 1 it is -log of the density in relation to the uniform one.

    Source: Kumar & Tsvetkov, "Von Mises-Fisher Loss for Training Sequence to Sequence Models with Continuous Outputs",
    ICLR 2019; the settings are its lambda_1 and lambda_2.
    Needs: `vectors` (n, dims), of which the direction counts. The prediction's length is the concentration.
    Relates to: `cosine`, which has the same best direction, but no measure of how sure a prediction is.
    Example: python train.py +recipe=words objective=vmf objective.length_penalty=0.02
    """
    dims = prediction.shape[1]
    squares = np.einsum("ij,ij->i", prediction, prediction).astype(np.float64)
    t = targets.vectors
    t_norm = np.maximum(np.sqrt(np.einsum("ij,ij->i", t, t)), TINY)
    aligned = np.einsum("ij,ij->i", prediction, t) / t_norm
    value, slope = log_normalizer(squares, dims)
    lengths = np.sqrt(squares)
    weights = targets.weights / targets.total
    along = (slope / dims + length_penalty / np.maximum(lengths, TINY)) * weights
    across = alignment * weights / t_norm
    gradient: Floats = prediction * along.astype(prediction.dtype)[:, None]
    gradient -= t * across.astype(prediction.dtype)[:, None]
    return gradient, float(((value + length_penalty * lengths - alignment * aligned) * weights).sum())


def log_normalizer(squares: Doubles, dims: int) -> tuple[Doubles, Doubles]:
    """log C(0) - log C(k) of the von Mises-Fisher density in `dims` dimensions, and dims/k times its derivative by k.

    squares (n,) float64 are k². With v = dims/2 - 1 the value is log I_v(k) - v log(k/2) + log Γ(v+1), and the second
    (2(v+1)/k) I_{v+1}(k) / I_v(k), which is 1 where k is 0: nothing is divided by k. Relative errors are below 2e-7
    for any number of dimensions and any k up to 1e10 (5e-17 absolute where the value is that small).

    The uniform expansion for large orders, in w = √(v² + k²) and s = (v/w)²:
        log I_v(k) ~ w + v log(k/(v+w)) - ½ log(2πw) + Σ_j w⁻ʲ q_j(s)
    less its value at k = 0; smaller orders by I_v = I_{v+2} + (2(v+1)/k) I_{v+1}, downwards, which is stable.
    """
    order = dims / 2 - 1
    steps = max(0, int(np.ceil(LEAST_ORDER - order)))
    top = order + steps
    w = np.sqrt(top * top + squares)
    u = 1 / w
    s = (top * u) ** 2
    rise = squares / (w + top)  # w - top
    value = rise - top * np.log1p(rise / (2 * top)) - 0.5 * np.log1p(rise / top)
    value += u * _polynomials(SERIES, u, s) - _polynomials(SERIES, 1 / top, 1.0) / top
    slope = 2 * (top + 1) * (1 / (w + top) - u * u * (0.5 + u * _polynomials(SLOPES, u, s)))
    for lower in [order + step for step in reversed(range(steps))]:
        slope = 1 / (1 + squares * slope / (4 * (lower + 1) * (lower + 2)))
        value -= np.log(slope)
    return value, slope


def _polynomials(rows: Sequence[Sequence[float]], u: Doubles | float, s: Doubles | float) -> Doubles | float:
    """Σ_j u^j Σ_i rows[j][i] s^i, by Horner's rule."""
    total: Doubles | float = 0.0
    for row in reversed(rows):
        value: Doubles | float = 0.0
        for coefficient in reversed(row):
            value = value * s + coefficient
        total = total * u + value
    return total
