"""Arithmetic on the n-grams of texts, made of layers that spaCy and thinc register: a stock pipeline can have it.

`spacy.extract_ngrams.v1` gives hashes of n-grams and their counts. `remap_ids.v1` turns a known hash into a number that
is chosen here and an unknown one into 0, and counts into what they are worth. `SparseLinear.v2` adds up weights. Each
number has two slots in its table, and the sum of both is the weight: numbers are taken so that each brings a slot that
is still free, which can then be what is missing. So the sum is exact, and 0 for what is not known.

Division is LayerNorm's: of (x, -x, F q, -F q) the mean is 0, and the deviation q times a constant for a large F.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import murmurhash3_32
from spacy.attrs import LOWER
from thinc.api import Model

from lmao.engine.parameters import Floats
from lmao.textcat.folds import Doubles

ROOM = 1.5  # slots a number: with fewer, free ones are hard to find
FAR = 1e5  # how much larger than a quotient what it is divided by has to be
TANGENTS = 1024  # of a root, over `RANGE`: its error is below 1e-5 of it
RANGE = 1e5  # times the largest measure of an n-gram
LOGISTIC_TANGENTS = 256  # of log(1 + exp(-x)), whose error is below 2e-5
MOST = 4096  # counts above it count as that


@dataclass(frozen=True)
class Layer:
    """A layer as a config has it, and the arrays, sizes and attributes of its leaves, depth first."""

    config: Mapping[str, Any]
    leaves: Sequence[Mapping[str, Any]]

    def fill(self, model: Model[Any, Any]) -> None:
        """What was made of the config gets its arrays."""
        for node, values in zip(_leaves(model), self.leaves, strict=True):
            for name, value in values.items():
                if name in node.param_names:
                    node.set_param(name, value)
                elif name in node.dim_names:
                    node.set_dim(name, value)
                else:
                    node.attrs[name] = value


def filled(config: Mapping[str, Any], model: Model[Any, Any]) -> Layer:
    """What was made of the config, and has its arrays."""
    leaves = []
    for node in _leaves(model):
        params = {name: node.get_param(name) for name in node.param_names if node.has_param(name)}
        leaves.append(params | {name: node.get_dim(name) for name in node.dim_names if node.has_dim(name)})
    return Layer(config, leaves)


def chained(*layers: Layer) -> Layer:
    return _several("chain.v1", layers)


def side_by_side(*layers: Layer) -> Layer:
    return layers[0] if len(layers) == 1 else _several("concatenate.v1", layers)


def sums(numbers: Mapping[int, int], values: Floats, ngrams: int, counting: str) -> Layer:
    """Texts to (texts, columns): the sum of the values (n, columns) of a text's n-grams.

    numbers: by the hash of an n-gram, the row of its values; ngrams: how many words the longest has. counting: see
    `NgramWeights`.
    """
    ids, length, table = _slots(values)
    known = {key: ids[number] for key, number in numbers.items()}
    worth = {"presence": [_remapped({}, 1.0)], "log counts": [_remapped(LOGARITHMS, LOGARITHMS[MOST])], "counts": []}
    return chained(
        _leaf("spacy.extract_ngrams.v1", ngram_size=ngrams, attr=LOWER),
        _of_item(0, _leaf("remap_ids.v1", {"mapping_table": known}, dtype="uint64")),
        *[_of_item(1, layer) for layer in worth[counting]],
        _leaf("SparseLinear.v2", {"W": table, "b": _zeros(values.shape[1])}, nO=values.shape[1], length=length),
    )


def affine(W: NDArray[np.floating], b: NDArray[np.floating] | None = None) -> Layer:
    """x W.T + b, W (outputs, inputs)."""
    outputs, inputs = W.shape
    bias = _zeros(outputs) if b is None else np.asarray(b, np.float32)
    return _leaf("Linear.v1", {"W": np.ascontiguousarray(W, np.float32), "b": bias}, nO=outputs, nI=inputs)


def softmax(W: NDArray[np.floating]) -> Layer:
    """softmax(x W.T), W (outputs, inputs)."""
    outputs, inputs = W.shape
    return _leaf("Softmax.v2", {"W": np.ascontiguousarray(W, np.float32), "b": _zeros(outputs)}, nO=outputs, nI=inputs)


def divided(columns: int) -> Layer:
    """Of (texts, columns + 1): all but the last column, divided by that."""
    one, none = np.eye(columns), np.zeros((columns, 1))
    spread = np.block([[one, none], [-one, none], [none.T, np.full((1, 1), FAR)], [none.T, np.full((1, 1), -FAR)]])
    # LayerNorm's own factor: behind its bias, an update by a thousandth of that would be one by FAR thousandths.
    factor = np.append(np.full(2 * columns, FAR / 2 / np.sqrt(columns + 1)), [0, 0])
    return chained(affine(spread), _norm(factor), affine(np.hstack([one, -one, none, none])))


def at_length_1(columns: int) -> Layer:
    """(texts, columns), each row divided by its Euclidean length."""
    one = np.eye(columns)
    return chained(
        affine(np.vstack([one, -one]) * FAR),
        _norm(np.ones(2 * columns)),
        affine(np.hstack([one, -one]) / 2 / np.sqrt(columns)),
    )


def with_root(columns: int, least: float, most: float) -> Layer:
    """Of (texts, columns + 1): the same with the root of the last column, which is between least and RANGE * most."""
    x = np.exp(np.linspace(np.log(least), np.log(most * RANGE), TANGENTS))
    slopes = np.zeros((1, TANGENTS, columns + 1))
    slopes[0, :, columns] = -0.5 / np.sqrt(x)
    lowest = chained(_highest(slopes, -0.5 * np.sqrt(x)[None]), affine(-np.eye(1)))
    return side_by_side(affine(np.eye(columns, columns + 1)), lowest)


def log_logistic(columns: int) -> Layer:
    """(texts, columns): log(1 / (1 + exp(-x)))."""
    p = (1 + np.sin(np.linspace(-np.pi / 2, np.pi / 2, LOGISTIC_TANGENTS + 2)[1:-1])) / 2
    x = np.log(p / (1 - p))
    slopes = np.zeros((columns, LOGISTIC_TANGENTS, columns))
    slopes[np.arange(columns), :, np.arange(columns)] = p - 1
    heights = np.tile(np.logaddexp(0, -x) - (p - 1) * x, (columns, 1))
    return chained(_highest(slopes, heights), affine(-np.eye(columns)))


def means() -> Layer:
    """Of texts (words, columns) each: (texts, columns)."""
    return chained(_leaf("list2ragged.v1"), _leaf("reduce_mean.v1"))


LOGARITHMS = {count: float(1 + np.log(count)) for count in range(1, MOST + 1)}


def _slots(values: Floats) -> tuple[Sequence[int], int, Floats]:
    """The id of each row of values (n, columns), and the table of SparseLinear.v2: how long it is, and its array."""
    length = max(8, round(ROOM * len(values)))
    while (found := _within(values.astype(np.float64), length)) is None:  # few rows may have bad luck
        length *= 2
    ids, table = found
    return ids, length, np.ascontiguousarray(table.T, np.float32).ravel()


def _within(values: Doubles, length: int) -> tuple[Sequence[int], Doubles] | None:
    """The rows' ids, and a table (length, columns); None if its slots don't suffice."""
    taken = np.zeros(length, dtype=bool)
    taken[[*_places(0, length)]] = True
    left = length - int(taken.sum())
    ids: list[int] = []
    table: Doubles = np.zeros((length, values.shape[1]))
    candidate = 0
    for row in values:
        if not left:
            return None
        while True:
            candidate += 1
            free, other = _places(candidate, length)
            if taken[free]:
                free, other = other, free
            if not taken[free]:
                break
        if taken[other]:
            table[free] = row - table[other]
        else:
            table[free] = table[other] = row / 2
        left -= 1 if taken[other] or free == other else 2
        taken[free] = taken[other] = True
        ids.append(candidate)
    return ids, table


def _places(number: int, length: int) -> Iterator[int]:
    """Where SparseLinear.v2 looks."""
    for seed in (0, 1):
        yield murmurhash3_32(number.to_bytes(8, "little"), seed, positive=True) % length


def _leaves(model: Model[Any, Any]) -> list[Model[Any, Any]]:
    return [node for node in model.walk(order="dfs_pre") if not node.layers]


def _leaf(name: str, values: Mapping[str, Any] | None = None, **settings: Any) -> Layer:
    return Layer({"@layers": name, **settings}, [values or {}])


def _several(name: str, layers: Sequence[Layer]) -> Layer:
    config = {"@layers": name, "*": {f"layer{number}": layer.config for number, layer in enumerate(layers)}}
    return Layer(config, [leaf for layer in layers for leaf in layer.leaves])


def _of_item(place: int, layer: Layer) -> Layer:
    return Layer({"@layers": "with_getitem.v1", "idx": place, "layer": layer.config}, layer.leaves)


def _remapped(table: Mapping[int, float], default: float) -> Layer:
    return _leaf("remap_ids.v1", {"mapping_table": dict(table), "default": default}, dtype="f")


def _norm(factor: Doubles) -> Layer:
    columns = len(factor)
    return _leaf("LayerNorm.v1", {"G": factor.astype(np.float32), "b": _zeros(columns)}, nI=columns)


def _highest(slopes: Doubles, heights: Doubles) -> Layer:
    """The highest of the lines x slopes + heights, (outputs, lines, inputs) and (outputs, lines)."""
    outputs, lines, inputs = slopes.shape
    arrays = {"W": slopes.astype(np.float32), "b": heights.astype(np.float32)}
    return _leaf("Maxout.v1", arrays, nO=outputs, nP=lines, nI=inputs)


def _zeros(size: int) -> Floats:
    return np.zeros(size, dtype=np.float32)
