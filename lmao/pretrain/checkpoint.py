"""Pre-trained weights in the cache: one entry an epoch, and the state to resume from, under one content key."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao.cache import Cache, Damaged, Entry, Writer, discard, key_of
from lmao.engine.parameters import Parameters, Shapes

POSITION = ("updates", "missed", "epoch", "step", "loss", "seconds")


@dataclass(frozen=True)
class PretrainEpoch:
    """The figures of a pre-training epoch. loss: the mean over batches; heldout: figures of the averaged weights."""

    epoch: int
    words: int
    seconds: float
    loss: float
    heldout: Mapping[str, float]

    @property
    def words_per_second(self) -> float:
        return self.words / self.seconds

    def record(self) -> dict[str, float]:
        """One flat record."""
        figures = {f"heldout_{name}": value for name, value in self.heldout.items()}
        return {"epoch": self.epoch, "words": self.words, "seconds": self.seconds, "loss": self.loss} | figures


@dataclass(frozen=True)
class State:
    """Everything needed to resume: random numbers are functions of the position (see `streams`)."""

    arrays: Mapping[str, NDArray[Any]]  # weights, first, second, average (size,) float32
    updates: int  # steps of the optimizer
    missed: Mapping[str, int]  # in how many of these each array was left alone
    epoch: int  # finished epochs
    step: int  # finished batches of the current epoch
    loss: float  # their sum
    seconds: float
    epochs: list[PretrainEpoch]


class Checkpoints:
    """The epochs and the latest state of one pre-training, which `record` describes (all but the number of epochs)."""

    def __init__(self, cache: Cache, record: Mapping[str, Any], shapes: Shapes) -> None:
        self.key = key_of(record)
        self._cache = cache
        self._kind = f"pretrain/{self.key}"
        self._shapes = shapes
        self._size = sum(int(np.prod(shape)) for shape in shapes.values())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held while epochs are computed, so that two workers compute them once."""
        with self._cache.lock("pretrain", self.key):
            self._cache.remove_left(self._kind, "state")
            yield

    def epoch(self, number: int) -> tuple[Parameters, list[PretrainEpoch]] | None:
        """The averaged weights after an epoch and the records up to it, if they are there."""
        found = self._cache.get(self._kind, f"epoch-{number}")
        if found is None:
            return None
        try:
            weights = self._flat(found, "average")
            return Parameters(self._shapes, weights), [PretrainEpoch(**record) for record in found.meta["epochs"]]
        except (Damaged, KeyError, TypeError) as error:
            self._cache.reject(self._kind, f"epoch-{number}", error)
            return None

    def save_epoch(self, average: NDArray[np.float32], epochs: list[PretrainEpoch]) -> None:
        def make(writer: Writer) -> None:
            writer.array("average", average)
            writer.meta["epochs"] = [asdict(epoch) for epoch in epochs]

        self._cache.put(self._kind, f"epoch-{len(epochs)}", make)

    def state(self) -> State | None:
        """The latest state that verifies."""
        for name in reversed(self._states()):
            found = self._cache.get(self._kind, name)
            if found is None:
                continue
            try:
                arrays = {key: self._flat(found, key) for key in ("weights", "first", "second", "average")}
                epochs = [PretrainEpoch(**record) for record in found.meta["epochs"]]
                position = {name: found.meta[name] for name in POSITION}
                return State(arrays=arrays, epochs=epochs, **position)
            except (Damaged, KeyError, TypeError) as error:
                self._cache.reject(self._kind, name, error)
        return None

    def save_state(self, state: State) -> None:
        """The new state is in place before earlier ones are removed."""

        def make(writer: Writer) -> None:
            for name, values in state.arrays.items():
                writer.array(name, values)
            writer.meta |= {name: getattr(state, name) for name in POSITION}
            writer.meta["epochs"] = [asdict(epoch) for epoch in state.epochs]

        former = self._states()
        name = f"state-{state.updates:09d}"
        self._cache.put(self._kind, name, make)
        for other in former:
            if other != name:
                discard(self._cache.root / self._kind / other)

    def _states(self) -> list[str]:
        return sorted(path.name for path in (self._cache.root / self._kind).glob("state-*"))

    def _flat(self, entry: Entry, name: str) -> NDArray[np.float32]:
        values: NDArray[np.float32] = np.array(entry.array(name))
        if values.shape != (self._size,) or values.dtype != np.float32:
            raise Damaged(f"{name} has other weights than this model")
        return values
