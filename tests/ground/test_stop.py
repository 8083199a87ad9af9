"""Signals: at once, at the end of what must not be cut in two, or when a loop asks for them."""

import signal
import sys
import threading
import time
from typing import Any

import pytest

from lmao.stop import Stopped, StopSignal


def test_a_deferred_stop_waits_for_the_check() -> None:
    reached = []
    with pytest.raises(Stopped) as stopped, StopSignal() as stop, stop.deferred():
        signal.raise_signal(signal.SIGTERM)
        reached.append("saved")
        stop.check()
        reached.append("went on")
    assert reached == ["saved"]
    assert stopped.value.signal_number == signal.SIGTERM


def test_a_closed_terminal_is_a_stop_unless_it_is_ignored() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # these tests may themselves run under nohup
    try:
        with pytest.raises(Stopped) as stopped, StopSignal():
            signal.raise_signal(signal.SIGHUP)
        assert stopped.value.signal_number == signal.SIGHUP
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup has it
        with StopSignal():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, former)


def test_a_second_stop_does_not_wait() -> None:
    with pytest.raises(Stopped), StopSignal() as stop, stop.deferred():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second signal did not raise")


def test_handlers_are_restored() -> None:
    former = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with StopSignal():
        assert signal.getsignal(signal.SIGTERM) != former[1]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == former


def test_a_stop_waits_for_the_end_of_what_must_not_be_cut_in_two() -> None:
    reached = []
    with pytest.raises(Stopped) as stopped, StopSignal():
        with StopSignal.uninterrupted():
            with StopSignal.uninterrupted():
                signal.raise_signal(signal.SIGTERM)
                reached.append("inner")
            reached.append("outer")
        reached.append("after")
    assert reached == ["inner", "outer"]
    assert stopped.value.signal_number == signal.SIGTERM


def test_a_second_stop_cuts_it_and_the_next_block_is_whole_again() -> None:
    with pytest.raises(Stopped), StopSignal(), StopSignal.uninterrupted():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second signal did not raise")
    with pytest.raises(Stopped), StopSignal():
        signal.raise_signal(signal.SIGINT)
        pytest.fail("outside of a block nothing waits")
    with StopSignal(), StopSignal.uninterrupted():
        pass


def test_a_deferred_stop_is_not_raised_by_a_block_within() -> None:
    with pytest.raises(Stopped), StopSignal() as stop, stop.deferred():
        with StopSignal.uninterrupted():
            signal.raise_signal(signal.SIGINT)
        assert stop.requested == signal.SIGINT


def test_blocks_of_other_threads_hold_nothing_up() -> None:
    inside, done = threading.Event(), threading.Event()

    def block() -> None:
        with StopSignal.uninterrupted():
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=block)
    thread.start()
    inside.wait(10)
    with pytest.raises(Stopped), StopSignal():
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the signal waited for another thread")
    done.set()
    thread.join()


def test_a_stop_that_a_destructor_drops_comes_again() -> None:
    class Interrupted:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)
            reached.append("the destructor went on")

    reached: list[str] = []
    with pytest.raises(Stopped) as stopped, StopSignal():
        Interrupted()
        time.sleep(1)
        reached.append("after")
    assert stopped.value.signal_number == signal.SIGTERM and not reached


def test_what_else_a_destructor_drops_is_told() -> None:
    class Broken:
        def __del__(self) -> None:
            raise ValueError("a bug")

    told: list[Any] = []
    former = sys.unraisablehook
    sys.unraisablehook = told.append
    try:
        with StopSignal():
            Broken()
    finally:
        sys.unraisablehook = former
    assert [type(one.exc_value) for one in told] == [ValueError]
