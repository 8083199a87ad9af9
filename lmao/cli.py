"""Between the shell and a run: composed settings become plain values, an error one line and an exit code."""

import argparse
import io
import logging
import os
import select
import shutil
import signal
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue

from lmao.errors import Away, UserError
from lmao.explain import explain
from lmao.files import write_whole
from lmao.passwords import without_passwords
from lmao.stop import Stopped, StopSignal

AWAY = 75  # the exit code: sysexits.h's EX_TEMPFAIL, "try again later"

log = logging.getLogger("lmao")


class Failed(BaseException):
    """A single run's error, which is explained. Hydra reports every Exception in its own words, so this isn't one."""

    def __init__(self, error: Exception) -> None:
        super().__init__(explain(error))
        self.code = _code(error)


class Parser(argparse.ArgumentParser):
    """Of a command's options. A mistake is one line here, too, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        print_error(f"{message} ({self.prog} --help lists the options)", sys.stderr)
        self.exit(2)


def plain(composed: DictConfig) -> dict[str, Any]:
    """Composed settings as plain values, with interpolations resolved.

    Raises:
        UserError: a setting that a chosen group needs has no value.
    """
    try:
        values = cast(dict[str, Any], OmegaConf.to_container(composed, resolve=True, throw_on_missing=True))
    except MissingMandatoryValue as error:
        key = str(error.full_key)
        group = key.rpartition(".")[0]
        option = OmegaConf.select(composed, f"{group}.name") if group else None
        needs = f"{group}={option} needs one, " if option else ""
        raise UserError(f"{key} has no value", advice=f"{needs}give {key}=…") from None
    vectors = values.get("vectors")
    if isinstance(vectors, dict) and not isinstance(target := vectors.get("target"), dict | None):
        raise UserError("vectors.target is a group", advice=f"choose it with vectors@vectors.target={target}")
    return values


def require_one_folder(hydra: Any) -> None:
    """hydra: its own settings.

    Raises:
        UserError: they have a run change into its folder, where a relative path is another one.
    """
    if hydra.job.chdir:
        what = "paths are relative to the folder you start from, and a run stays there"
        raise UserError(what, setting="hydra.job.chdir=true", advice="leave it out")


def hide_passwords(folder: Path) -> None:
    """Hide them in the settings that Hydra wrote into a run's folder, and that its sweeper wrote into the one above."""
    for path in (*(folder / ".hydra").glob("*.yaml"), *folder.parent.glob("multirun.yaml")):
        text = path.read_text(encoding="utf-8")
        if without_passwords(text) != text:
            write_whole(path, without_passwords(text))


@contextmanager
def user_errors() -> Iterator[None]:
    """Around a run: an error that a user can cause is logged as one line. In a sweep it stays an Exception.

    Raises:
        Failed: a single run met an error that a user can cause.
    """
    try:
        yield
    except Exception as error:
        line = explain(error)
        if line is None or HydraConfig.get().mode != RunMode.RUN:
            raise
        log.error(line)
        raise Failed(error) from None


class _WithoutPasswords:
    """A stream without passwords: Hydra's own sweeper writes the overrides of a job that failed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(without_passwords(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def main(command: Callable[[], Any]) -> int:
    """Run a `hydra.main` function. An error that a user can cause is one line on stderr; a bug keeps its traceback.

    Returns: the exit code: 0, 2 after an error, 75 where a database or a server is away, 1 after a bug, 128 + the
    signal's number after a stop, or where nobody reads what it prints any more, as `head` does.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises, rather than printing a report of its own and exiting
    logging.captureWarnings(True)  # into train.log
    _open_streams()
    try:
        with StopSignal(), redirect_stderr(cast(TextIO, _WithoutPasswords(sys.stderr))):
            command()
            sys.stdout.flush()
    except Stopped as stop:
        print("stopped: what was finished is kept; the same command resumes from there", file=sys.stderr)
        return 128 + stop.signal_number
    except Failed as error:
        print_error(str(error), sys.stderr)
        return error.code
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _is_unread(sys.stdout):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # where the rest of its buffer goes
            return 128 + signal.SIGPIPE
        line = explain(error)
        if line is None:
            print(without_passwords(traceback.format_exc()), end="", file=sys.stderr)
            return 1
        print_error(line, sys.stderr)
        return _code(error)
    return 0


def _code(error: Exception) -> int:
    return AWAY if isinstance(error, Away) else 2


def _is_unread(stream: TextIO) -> bool:
    """Whether it is a pipe that was closed at its other end."""
    found = select.poll()
    found.register(stream, select.POLLOUT)
    closed = select.POLLERR | select.POLLHUP  # Linux says the one, macOS the other
    return any(event & closed for _, event in found.poll(0))


def _open_streams() -> None:
    """Streams that take any text: none may be there, and a notebook's are no files."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed before Python began
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_error(line: str, file: TextIO) -> None:
    """One line, wrapped only where a person reads it on a terminal."""
    line = f"error: {line}"
    if file.isatty():
        width = max(40, shutil.get_terminal_size().columns)
        line = textwrap.fill(line, width, subsequent_indent=" " * 7, break_long_words=False, break_on_hyphens=False)
    print(line, file=file)
