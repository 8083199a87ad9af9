"""What was computed when a run was stopped: it lies in the cache until a run that goes on with it has ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from lmao.cache import Cache, Writer, discard, key_of

KIND = "unfinished"


@dataclass(frozen=True)
class State:
    """All that it takes to go on: random numbers are functions of the position (see `streams`)."""

    arrays: Mapping[str, NDArray[Any]]
    values: Mapping[str, Any]  # plain ones


class Resumable(Protocol):
    def state(self) -> State:
        """Its arrays may be those that the work goes on with."""

    def resume(self, state: State) -> None:
        """Go on from there."""


class Unfinished:
    """The place of a work that `record` describes, with all that its result depends on."""

    def __init__(self, cache: Cache, record: Mapping[str, Any]) -> None:
        self._cache = cache
        self._name = key_of(record)

    def resume(self, work: Resumable) -> None:
        """From the state that is there, if there is one."""
        entry = self._cache.get(KIND, self._name)
        if entry is not None:
            arrays = {name: entry.array(name) for name in entry.meta["arrays"]}
            work.resume(State(arrays, entry.meta["values"]))

    def save(self, work: Resumable) -> None:
        """In place of an earlier state."""
        state = work.state()

        def make(writer: Writer) -> None:
            for name, values in state.arrays.items():
                writer.array(name, values)
            writer.meta |= {"arrays": list(state.arrays), "values": dict(state.values)}

        with self._cache.lock(KIND, self._name):
            self._cache.put(KIND, self._name, make)

    def remove(self) -> None:
        folder = self._cache.root / KIND / self._name
        if folder.exists():
            with self._cache.lock(KIND, self._name):
                discard(folder)


def under(name: str, state: State) -> State:
    """The state as a part of another one."""
    return State({f"{name}.{key}": array for key, array in state.arrays.items()}, {name: dict(state.values)})


def part(name: str, state: State) -> State:
    """That part again."""
    start = f"{name}."
    arrays = {key.removeprefix(start): array for key, array in state.arrays.items() if key.startswith(start)}
    return State(arrays, state.values[name])
