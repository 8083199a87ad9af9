"""Where a trial is, written into its study now and then, for who watches it."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from optuna.exceptions import UpdateFinishedTrialError

from lmao.stop import StopSignal
from lmao.sweep.storage import FAILURES

SECONDS = 3  # between two writes; what is over sooner nobody could read


class ProgressNotes:
    """Takes a stage and the share of it that is done, as often as they come. A thread writes the latest, so that
    training doesn't wait for a database that hangs; what can't be written is left out."""

    def __init__(self, write: Callable[[Sequence[str | float | None]], None]) -> None:
        self._write = write
        self._latest: Sequence[str | float | None] = ()
        self._lock = threading.Lock()
        self._writes = False  # whether the thread is there

    def take(self, stage: str, share: float | None) -> None:
        with StopSignal.uninterrupted(), self._lock:  # a thread that starts must not be cut off
            self._latest = [stage, None if share is None else round(share, 3)]
            if not self._writes:
                self._writes = True
                threading.Thread(target=self._run, daemon=True, name="progress").start()

    def _run(self) -> None:
        written: Sequence[str | float | None] = ()
        while True:
            time.sleep(SECONDS)
            with self._lock:
                if self._latest is written:
                    self._writes = False
                    return
                written = self._latest
            with suppress(UpdateFinishedTrialError, *FAILURES):  # the next one will do
                self._write(written)
