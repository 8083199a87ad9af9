"""Before pre-training: the table of vectors to predict comes in, and goes out without what all words share."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lmao.engine.parameters import Floats

BLOCK = 8192  # rows at once in double precision
FLOOR = 1e-4  # of the largest variance: a direction with less is not stretched further, it would be noise
TINY = 1e-30


def prepare(vectors: Floats, counts: NDArray[np.int64], center: bool, whiten: bool) -> Floats:
    """The table (rows, dims) as its words occur, row i `counts[i]` times: centred, whitened, or both.

    center takes the mean away: frequent words have much of their direction in common, which a prediction gets right
    without a look at the text (Mu & Viswanath 2018 of word vectors). whiten makes the variance 1 in each direction and
    keeps the axes as near as can be (ZCA, Bell & Sejnowski 1997); the covariance is about the mean, centred or not.
    A row of zeros means that there is no vector: it doesn't count and stays zero.
    """
    weights: NDArray[np.int64] = counts * vectors.any(axis=1)
    total = weights.sum()
    if not total or not (center or whiten):
        return vectors
    dims = vectors.shape[1]
    mean, squares = np.zeros(dims), np.zeros((dims, dims))
    for block in _blocks(vectors):
        mean += weights[block] @ vectors[block].astype(np.float64) / total
    for block in _blocks(vectors) if whiten else ():
        differences = vectors[block] - mean
        squares += (differences * (weights[block] / total)[:, None]).T @ differences
    transform = _inverse_root(squares) if whiten else np.eye(dims)
    shift = mean if center else np.zeros(dims)
    prepared = np.zeros_like(vectors)
    for block in _blocks(vectors):
        there = vectors[block].any(axis=1, keepdims=True)
        prepared[block] = ((vectors[block] - shift) @ transform) * there
    return prepared


def sif_weights(counts: NDArray[np.int64], a: float) -> Floats:
    """a / (a + p) of words with relative frequency p, (rows,): smooth inverse frequency (Arora et al. 2017)."""
    shares = counts / max(counts.sum(), 1)
    weights: Floats = (a / (a + shares)).astype(np.float32)
    return weights


def _inverse_root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """covariance^(-1/2), with the small eigenvalues raised to FLOOR of the largest."""
    values, directions = np.linalg.eigh(covariance)
    root: NDArray[np.float64] = directions / np.sqrt(np.maximum(values, max(FLOOR * values[-1], TINY))) @ directions.T
    return root


def _blocks(vectors: Floats) -> Iterator[slice]:
    return (slice(start, start + BLOCK) for start in range(0, len(vectors), BLOCK))
