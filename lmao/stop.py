"""Ctrl-C, SIGTERM and a closed terminal: an exception, at once or after what is `uninterrupted`; or, inside `deferred`,
a request that the loop answers after saving."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 0.01  # until a stop that was dropped comes again


class Stopped(BaseException):
    """The run was told to stop. Not an Exception, so that nothing that handles failures swallows it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class StopSignal:
    """Handlers for SIGNALS while the `with` block runs; without effect outside the main thread."""

    _depth = 0  # of `uninterrupted` blocks in the main thread
    _held: "StopSignal | None" = None  # whose signal waits for their end

    def __init__(self) -> None:
        self.requested: int | None = None
        self._deferred = False
        self._former: dict[int, Any] = {}
        self._former_hook: Any = None

    def __enter__(self) -> Self:
        for number in SIGNALS:
            if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:  # nohup
                continue
            try:
                self._former[number] = signal.signal(number, self._receive)
            except ValueError:  # only the main thread may set handlers
                return self
        self._former_hook, sys.unraisablehook = sys.unraisablehook, self._drop
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if self._former_hook is not None:
            sys.unraisablehook = self._former_hook
        self._former.clear()

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """The first signal only sets `requested`: poll it, save, and call `check`. A second one raises at once."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        self.check()

    def check(self) -> None:
        """Raises Stopped if a signal has come."""
        if self.requested is not None:
            raise Stopped(self.requested)

    @classmethod
    @contextmanager
    def uninterrupted(cls) -> Iterator[None]:
        """Around what must not be cut in two, such as a write to a store: the first signal raises at its end, a second
        one at once. Blocks may lie in one another, and in other threads, which get no signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        StopSignal._depth += 1
        try:
            yield
        finally:
            StopSignal._depth -= 1
            if not StopSignal._depth and StopSignal._held is not None:
                held, StopSignal._held = StopSignal._held, None
                held.check()

    def _receive(self, number: int, frame: FrameType | None) -> None:
        again = self.requested is not None
        self.requested = number
        if not again and self._deferred:
            return
        if not again and StopSignal._depth:
            StopSignal._held = self
            return
        StopSignal._held = None
        raise Stopped(number)

    def _drop(self, dropped: "sys.UnraisableHookArgs") -> None:
        """An exception was raised where Python drops it, in a destructor or a callback from C. A stop comes again."""
        stop = dropped.exc_value
        if not isinstance(stop, Stopped):
            self._former_hook(dropped)
            return
        self.requested = None
        # No thread: what it locks when it starts may be locked by what was interrupted.
        signal.signal(signal.SIGALRM, lambda _, frame: self._receive(stop.signal_number, frame))
        signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
