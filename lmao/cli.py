"""Between the shell and a run: composed settings come out plain, and an error goes out as one line and an exit code."""

import difflib
import errno
import logging
import os
import re
import shutil
import sqlite3
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, TextIO, cast

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from lmao.errors import Unavailable, UserError
from lmao.passwords import masked
from lmao.paths import ROOT
from lmao.stop import Stopped, StopSignal

CONF = ROOT / "conf"
HELP = "(python train.py --help lists them)"
SYSTEM_ERRORS = {
    errno.ENOSPC: "the disk is full: free some space, then the same command goes on from what is kept",
    errno.EDQUOT: "your disk quota is used up: free some space, then the same command goes on from what is kept",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
}

log = logging.getLogger("lmao")


class Failed(BaseException):
    """A single run's error, already one line. Hydra reports every Exception in words of its own, so this is none."""


def plain(composed: DictConfig) -> dict[str, Any]:
    """Composed settings as plain values, with interpolations resolved.

    Raises:
        UserError: a setting that a chosen group needs has no value.
    """
    try:
        values = cast(dict[str, Any], OmegaConf.to_container(composed, resolve=True, throw_on_missing=True))
    except MissingMandatoryValue as error:
        group, _, setting = str(error.full_key).rpartition(".")
        option = OmegaConf.select(composed, f"{group}.name")
        raise UserError(
            f"{error.full_key} has no value: {group}={option} needs one, give {group}.{setting}=…"
        ) from None
    target = values["vectors"]["target"]
    if not isinstance(target, dict):
        raise UserError(f"vectors.target is a group: choose it with vectors@vectors.target={target}")
    return values


def mask_passwords(folder: Path) -> None:
    """In the settings that Hydra has written into a run's folder, and its own sweeper into the one above."""
    for path in (*(folder / ".hydra").glob("*.yaml"), *folder.parent.glob("multirun.yaml")):
        text = path.read_text(encoding="utf-8")
        if masked(text) != text:
            path.write_text(masked(text), encoding="utf-8")


@contextmanager
def user_errors() -> Iterator[None]:
    """Around a run: what a user can cause is logged as one line. In a sweep it stays an Exception, a failed job.

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
        raise Failed(line) from None


class _Masked:
    """A stream without passwords: Hydra's own sweeper writes the overrides of a job that failed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(masked(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def main(command: Callable[[], Any]) -> int:
    """Run a `hydra.main` function. What a user can cause ends in one line on stderr; a bug keeps its traceback.

    Returns: the exit code: 0, 2 after an error, 128 + the signal's number after a stop.
    """
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises, rather than printing a report of its own and exiting
    logging.captureWarnings(True)  # into train.log
    for stream in (sys.stdout, sys.stderr):
        cast(Any, stream).reconfigure(errors="replace")
    try:
        with StopSignal(), redirect_stderr(cast(TextIO, _Masked(sys.stderr))):
            command()
    except Stopped as stop:
        print("stopped: what was finished is kept; the same command goes on from there", file=sys.stderr)
        return 128 + stop.signal_number
    except Failed as error:
        print_error(str(error), sys.stderr)
        return 2
    except Exception as error:
        line = explain(error)
        if line is None:
            raise
        print_error(line, sys.stderr)
        return 2
    return 0


def print_error(line: str, file: TextIO) -> None:
    """One line, wrapped only where a person reads it on a terminal."""
    line = f"error: {line}"
    if file.isatty():
        width = max(40, shutil.get_terminal_size().columns)
        line = textwrap.fill(line, width, subsequent_indent=" " * 7, break_long_words=False, break_on_hyphens=False)
    print(line, file=file)


def explain(error: Exception) -> str | None:
    """What a user should read about an error, or None where it is a bug."""
    match error:
        case UserError():
            return str(error)
        case MissingConfigException():
            return _unknown_option(error)
        case OverrideParseException():
            return f"cannot read '{error.override}': write setting=value, and quote what the shell or Hydra takes apart"
        case HydraException() if isinstance(error.__cause__, ConfigAttributeError | ConfigKeyError):
            return _unknown_setting(error.__cause__)
        case OmegaConfBaseException():
            return f"{error.full_key}: {str(error.msg).splitlines()[0]}"
        case HydraException() if str(error).startswith("Ambiguous value"):
            setting = str(error).splitlines()[0].split("'")[1]
            return (
                f"{setting} is several values: add --multirun sweep=grid to try each, or write [a,b] if it is one list"
            )
        case HydraException():
            return _one_line(str(error))
        case ValueError() if _origin(error) in {"hydra", "omegaconf"}:
            return f"the settings don't fit together: {_one_line(str(error))} {HELP}"
    return next(filter(None, map(_system_error, _chain(error))), None)


def trouble(error: Exception) -> str | None:
    """What a user should read about an error of the machine; None where the settings or the code are to blame."""
    if isinstance(error, Unavailable) or any(map(_system_error, _chain(error))):
        return explain(error)
    return None


def _unknown_option(error: MissingConfigException) -> str:
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    if not group:
        return f"there is no config '{option}' in {CONF.name}/"
    options = list(error.options or [])
    return f"{group} has no option '{option}'.{_suggest(option, options)} There are: {', '.join(options)}"


def _unknown_setting(error: OmegaConfBaseException) -> str:
    section, _, setting = str(error.full_key).rpartition(".")
    node = cast(DictConfig, error.parent_node)
    suggestion = _suggest(setting, (str(key) for key in node))
    option = node.get("name") if section else None
    owner = f"{section}={option}" if option else section or "the config"
    others = [] if suggestion else _options_with(section, setting)
    hint = f" It belongs to {' or '.join(others)}" if others else f" {HELP}"
    return f"{owner} has no setting '{setting}'.{suggestion}{hint}"


def _options_with(group: str, setting: str) -> list[str]:
    files = sorted((CONF / group).glob("*.yaml")) if group else []
    return [f"{group}={file.stem}" for file in files if setting in list(OmegaConf.load(file))]


def _suggest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


def _system_error(error: BaseException) -> str | None:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return SYSTEM_ERRORS[errno.ENOSPC]
    if not isinstance(error, OSError):
        return None
    # numpy's tofile, which np.save ends in, raises without an error number
    number = errno.ENOSPC if re.fullmatch(r"\d+ requested and \d+ written", str(error)) else error.errno
    if number not in SYSTEM_ERRORS:
        return None
    return (f"{error.filename}: " if error.filename else "") + SYSTEM_ERRORS[number]


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _origin(error: BaseException) -> str:
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _one_line(message: str) -> str:
    return " ".join(line.strip() for line in message.splitlines() if line.strip())
