"""An error comes in, the line that a user should read about it goes out; None for a bug."""

import difflib
import errno
import os
import re
import sqlite3
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import cast

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from lmao.errors import Unavailable, UserError
from lmao.passwords import without_passwords
from lmao.paths import CONF

LONGEST = 490  # characters of a line; of a longer one the middle is left out
ENDING = 160  # what is kept of its end, where the advice is
HELP = "(python train.py --help lists them)"
SYSTEM_ERRORS = {
    errno.ENOSPC: "the disk is full: free some space, then run the same command again to resume",
    errno.EDQUOT: "your disk quota is used up: free some space, then run the same command again to resume",
    errno.EIO: "the disk can't be read or written: see to it, then run the same command again to resume",
    errno.EEXIST: "there is a file where a folder should be",
    errno.ENOTDIR: "there is a file where a folder should be",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EPERM: "permission denied",
}


def explain(error: Exception) -> str | None:
    """What a user should read about an error: one line without passwords, of LONGEST characters at most; or None for a
    bug."""
    line = _explained(error)
    if line is None:
        return None
    line = without_passwords(_printable(_one_line(line))) or type(error).__name__
    cut = len(line) - LONGEST
    return line if cut <= 0 else f"{line[: LONGEST - ENDING]} … {line[-ENDING + 3 :]}"


def _explained(error: Exception) -> str | None:
    match error:
        case UserError():
            return str(error)
        case MissingConfigException():
            return _unknown_option(error)
        case OverrideParseException() if Path(error.override).is_file():
            return f"'{error.override}' is not a setting: {_own(error.override)}"
        case OverrideParseException():
            return f"cannot read '{error.override}': write setting=value, and quote what the shell or Hydra would split"
        case HydraException() if isinstance(error.__cause__, ConfigAttributeError | ConfigKeyError):
            return _unknown_setting(error.__cause__)
        case OmegaConfBaseException():
            return f"{error.full_key}: {str(error.msg).splitlines()[0]}"
        case HydraException() if str(error).startswith("Ambiguous value"):
            setting = str(error).splitlines()[0].split("'")[1]
            return (
                f"{setting} has several values: add --multirun sweep=grid to try each, or write [a,b] if it is one list"
            )
        case HydraException():
            return _one_line(str(error))
        case FileNotFoundError() if not _is_somewhere():
            return "the folder that you are in is gone: change to another one"
        case FileNotFoundError() if _makes_a_folder(error):
            return f"{error.filename}: no folder can be made there"
        case OSError():
            pass
        case UnicodeDecodeError() if (path := _settings_file(error)) is not None:
            return f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8"
        case _ if hasattr(error, "problem_mark"):  # yaml's
            return (
                f"{error.problem_mark.name}:{error.problem_mark.line + 1} is no YAML: {getattr(error, 'problem', '')}"
            )
        case _ if _origin(error) in {"hydra", "hydra_plugins", "omegaconf", "yaml"}:
            return f"the settings don't fit together: {_one_line(str(error)) or type(error).__name__} {HELP}"
    return next(filter(None, map(_system_error, chain(error))), None)


def trouble(error: Exception) -> str | None:
    """What a user should read about an error of the machine; None where the settings or the code are to blame."""
    if isinstance(error, Unavailable) or any(map(_system_error, chain(error))):
        return explain(error)
    return None


def _unknown_option(error: MissingConfigException) -> str:
    group, _, option = (error.missing_cfg_file or "").rpartition("/")
    if not group:
        return f"there is no config '{option}' in {CONF.name}/"
    options = list(error.options or [])
    if group == "data" and Path(option).is_file():
        return f"{group} has no option '{option}': {_own(option)}"
    return f"{group} has no option '{option}'.{_suggest(option, options)} There are: {', '.join(options)}"


def _unknown_setting(error: OmegaConfBaseException) -> str:
    section, _, setting = str(error.full_key).rpartition(".")
    node = cast(DictConfig, error.parent_node)
    suggestion = _suggest(setting, (str(key) for key in node))
    option = node.get("name") if section else None
    owner = f"{section}={option}" if option else section or "the config"
    others = [] if suggestion else _options_with(section, setting)
    if not section and not suggestion:  # the setting's own name alone
        groups = sorted(path.name for path in CONF.iterdir() if _options_with(path.name, setting))
        suggestion = f" Did you mean {' or '.join(f'{group}.{setting}' for group in groups)}?" if groups else ""
    hint = f" It belongs to {' or '.join(others)}" if others else f" {HELP}"
    return f"{owner} has no setting '{setting}'.{suggestion}{hint}"


def _own(path: str) -> str:
    return f"texts of your own are data=files data.path={path}"


def _options_with(group: str, setting: str) -> list[str]:
    files = sorted((CONF / group).glob("*.yaml")) if group else []
    return [f"{group}={file.stem}" for file in files if setting in _settings_in(file)]


def _settings_in(file: Path) -> set[str]:
    """With those of the options that it is made from."""
    loaded = cast(DictConfig, OmegaConf.load(file))
    names = {str(key) for key in loaded}
    for base in loaded.get("defaults", ()):
        if isinstance(base, str) and base != "_self_":
            option, _, place = base.partition("@")
            names |= {place.partition(".")[0]} if place else _settings_in(file.with_name(f"{option}.yaml"))
    return names


def _suggest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


def _system_error(error: BaseException) -> str | None:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return SYSTEM_ERRORS[errno.ENOSPC]
    if isinstance(error, MemoryError):
        return "the memory is full: give fewer or shorter texts, smaller tables, or the run more memory"
    if not isinstance(error, OSError):
        return None
    # numpy's tofile, which np.save ends in, raises without an error number
    number = errno.ENOSPC if re.fullmatch(r"\d+ requested and \d+ written", str(error)) else error.errno
    if number not in SYSTEM_ERRORS:
        return None
    if error.filename and not os.path.isabs(error.filename) and not os.access(os.curdir, os.W_OK):
        place = "start in a folder that you may write to, or name one (hydra.run.dir, --output)"
        return f"{error.filename}: {SYSTEM_ERRORS[number]}: {place}"
    return (f"{error.filename}: " if error.filename else "") + SYSTEM_ERRORS[number]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _origin(error: BaseException) -> str:
    frame = _innermost(error)
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] if frame else ""


def _makes_a_folder(error: BaseException) -> bool:
    """Whether it failed at that: below /proc, for one, there is no place for any."""
    frame = _innermost(error)
    return frame is not None and frame.f_code.co_name in {"mkdir", "makedirs"}


def _innermost(error: BaseException) -> FrameType | None:
    """Where it was raised; None of one that came from another process, or was never raised."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return frames[-1] if frames else None


def _printable(line: str) -> str:
    """A name that a user gave may hold anything, a terminal's commands too."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)


def _is_somewhere() -> bool:
    """Whether the working directory exists."""
    try:
        return bool(os.getcwd())
    except FileNotFoundError:
        return False


def _settings_file(error: BaseException) -> str | None:
    """The YAML file that Hydra was reading."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name == "load_config" and "full_path" in frame.f_locals:
            return str(frame.f_locals["full_path"])
    return None


def _one_line(message: str) -> str:
    return " ".join(line.strip() for line in message.splitlines() if line.strip())
