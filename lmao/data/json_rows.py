"""JSON with an object a line, or an array of objects: rows go out."""

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from lmao.data.lines import lines
from lmao.errors import UserError

Rows = Iterator[tuple[str, Mapping[str, Any]]]


def json_rows(path: Path) -> tuple[str, Rows]:
    """What kind of JSON it is, and each object with its place.

    Raises:
        UserError: something isn't JSON, or no object.
    """
    numbered = ((place, line) for place, line in lines(path) if line.strip())
    first = next(numbered, None)
    if first is None:
        return "JSONL", iter(())
    if first[1].lstrip().startswith("["):
        return "JSON", _array(path)
    return "JSONL", _lines(chain([first], numbered))


def _lines(numbered: Iterator[tuple[str, str]]) -> Rows:
    for place, line in numbered:
        yield place, _object(place, _parse(place, line))


def _array(path: Path) -> Rows:
    values = _parse(str(path), "".join(line for _, line in lines(path)))
    for number, value in enumerate(values, start=1):
        place = f"{path}: item {number}"
        yield place, _object(place, value)


def _parse(place: str, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_distinct)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise UserError(f"{place}: not JSON: {error.msg} at {line}character {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: JSON that can't be read: {error}") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"'{max(names, key=names.count)}' is there twice")
    return found


def _object(place: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{place}: a JSON object is needed, this is a {type(value).__name__}")
    return value
