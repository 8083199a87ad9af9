"""Arguments as people type them come in, arguments as Hydra's grammar reads them go out.

`data.path=~/Reviews (1).csv` names a file, and is no override to Hydra. A value is quoted here where its setting takes
a text, and Hydra would refuse it or read a number; what it can read as a sweep or an interpolation stays as it is.
"""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from lmao.config.fields import Section, options
from lmao.config.run import Config
from lmao.errors import UserError
from lmao.passwords import without_passwords
from lmao.paths import expanded

TEXTS = (str, str | None)
FOLDERS = {"hydra.run.dir", "hydra.sweep.dir"}  # Hydra takes their ~ for a name
HYDRA_TEXTS = {*FOLDERS, "hydra.sweeper.storage", "hydra.sweeper.study_name"}
TYPED = re.compile(r"(?P<begin>\+{0,2}(?P<setting>[\w.]+)=)(?P<value>.+)", re.DOTALL)
FUNCTIONS = "choice|range|interval|glob|shuffle|sort|tag|str|int|float|bool|json_str|extend_list"
CALL = re.compile(rf"\s*({FUNCTIONS})\s*\(.*\)\s*")
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./+-]*")  # needs no quotes in an override
WORDS_WITH_A_MEANING = {"true", "false", "null", "nan", "inf"}


def quote(value: Any) -> str:
    """A value as Hydra's override grammar reads it back."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str() if PLAIN.fullmatch(value) and value.lower() not in WORDS_WITH_A_MEANING:
            return value
        case _:
            escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), str(value))
            return f"'{escaped}'"


def readable(arguments: Sequence[str]) -> list[str]:
    """The command line's arguments, texts quoted where Hydra needs it and nothing else can be meant.

    Raises:
        UserError: a value may be one text or several; the line has both as they can be typed.
    """
    texts = HYDRA_TEXTS | text_settings()
    multirun = not {"-m", "--multirun"}.isdisjoint(arguments)
    typed = [TYPED.fullmatch(argument) for argument in arguments]
    return [
        found["begin"] + _readable(found["setting"], found["value"], multirun)
        if found and found["setting"] in texts
        else argument
        for argument, found in zip(arguments, typed, strict=True)
    ]


def text_settings() -> set[str]:
    """Those whose value is a text."""
    return set(_texts())


def _texts() -> Iterator[str]:
    for group, field in Config.model_fields.items():
        if field.annotation in TEXTS:
            yield group
        for section in _sections(field.annotation):
            for name, setting in section.model_fields.items():
                if setting.annotation in TEXTS:
                    yield f"{'vectors.target' if group == 'target' else group}.{setting.alias or name}"


def _sections(group: Any) -> Iterator[type[Section]]:
    """A group's: those of its options, or the only one."""
    yield from (section for _, section in options(group))
    if isinstance(group, type) and issubclass(group, Section):
        yield group


def _readable(setting: str, text: str, multirun: bool) -> str:
    """The text itself, or quoted."""
    if setting in FOLDERS and text.startswith("~"):
        text = str(expanded(text))
    try:
        override = OverridesParser.create().parse_override(f"{setting}={text}")
    except HydraException:
        if CALL.fullmatch(text):
            return text  # a sweep, with something in it that Hydra will name
        return _one_or_several(setting, text, multirun) if multirun and "," in text else _literal(text)
    if override.is_sweep_override():
        one = override.is_choice_sweep() and not CALL.fullmatch(text)
        one = one and (_exists(text) or not multirun or without_passwords(text) != text)
        return _one_or_several(setting, text, multirun) if one else text
    value = override.value()
    if value is None or isinstance(value, str):
        changed = isinstance(value, str) and (value != text or "${" in text)
        return _literal(text) if changed and _exists(text) else text
    return _literal(text)


def _one_or_several(setting: str, text: str, multirun: bool) -> str:
    """A text with commas: quoted where it names a file, and its parts don't, or the other way round; a URL
    with a password is one.

    Raises:
        UserError: it can't be told.
    """
    parts = text.split(",")
    found = [_exists(part) for part in parts]
    if (_exists(text) and not any(found)) or without_passwords(text) != text:  # nobody lists databases
        return _literal(text)
    if multirun and all(found) and not _exists(text):
        return ",".join(map(_literal, parts))
    one, several = f"{setting}={_in_shell([text])}", f"{setting}={_in_shell(parts)}"
    raise UserError(
        f"{setting}={text} may be one text or several",
        advice=f"write {one} for one, --multirun sweep=grid {several} to try each",
    )


def _in_shell(texts: Sequence[str]) -> str:
    """Quoted for Hydra, then for a shell: double quotes within single ones are the easiest to read."""
    return shlex.quote(",".join(quote(text) if re.search(r"[\\\"]", text) else f'"{text}"' for text in texts))


def _literal(text: str) -> str:
    return quote(text.replace("${", "\\${") if _exists(text) else text)


def _exists(name: str) -> bool:
    return os.path.exists(expanded(name))  # false for a name that is too long, where Path.exists raises
