"""The parts of a run that are worth keeping: where it is stopped, they go into the cache until it has ended."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from lmao.cache import Cache
from lmao.errors import Diverged, Pruned
from lmao.stop import Stopped, StopSignal
from lmao.unfinished import Resumable, Unfinished


class Parts:
    """Each is taken up before it is trained. It is kept until the run's end: what comes after may be stopped, too."""

    def __init__(self, cache: Cache, stop: StopSignal) -> None:
        self._cache, self._stop = cache, stop
        self._parts: list[tuple[Unfinished, Resumable]] = []
        self._whole = True  # no step of a part's training is half done

    @contextmanager
    def kept(self) -> Iterator[Self]:
        """Around the run."""
        try:
            yield self
        except Stopped:
            if self._whole:
                for place, part in self._parts:
                    place.save(part)
            raise
        except (Diverged, Pruned):
            self._remove()
            raise
        self._remove()

    def take_up(self, record: Mapping[str, Any], part: Resumable) -> None:
        """From where an earlier run left it. record: all that its result depends on."""
        place = Unfinished(self._cache, record)
        place.resume(part)
        self._parts.append((place, part))

    @contextmanager
    def training(self) -> Iterator[None]:
        """While a part is trained, a signal waits for the next `poll`; a second one loses what is half done."""
        with self._stop.deferred():
            self._whole = False
            yield
            self._whole = True

    def poll(self) -> None:
        """Between two steps. Raises Stopped if a signal has come."""
        if self._stop.requested is not None:
            self._whole = True
            self._stop.check()

    def _remove(self) -> None:
        for place, _ in self._parts:
            place.remove()
