"""Parquet files and saved Hugging Face data sets: rows go out, with the names of their classes for the numbers."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lmao.data.record import Reading
from lmao.data.rows import KEYS
from lmao.errors import UserError

ROWS = 1_000  # that are in memory at once
STATE, INFO, DICTIONARY = "state.json", "dataset_info.json", "dataset_dict.json"  # of `save_to_disk`

Rows = Iterator[tuple[str, Mapping[str, Any]]]


def is_dataset(folder: Path) -> bool:
    """Whether a folder is one that `save_to_disk` wrote.

    Raises:
        UserError: it holds several, train and test.
    """
    if (folder / DICTIONARY).is_file():
        splits = sorted(path.parent.name for path in folder.glob(f"*/{STATE}"))
        raise UserError(
            f"{folder}: several data sets ({', '.join(splits)})",
            advice=f"name one, data.path={folder / splits[-1] if splits else folder}, and another in data.test_path",
        )
    return (folder / STATE).is_file() and (folder / INFO).is_file()


def parquet_rows(path: Path, reading: Reading) -> Rows:
    """Each row of a Parquet file, with its place.

    Raises:
        UserError: it is damaged, or has two columns of one name.
    """
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = _columns(path, schema, reading)
            batches = file.iter_batches(ROWS, columns=columns, use_threads=False)
            yield from _rows(path, batches, _classes(schema))
    except UserError:
        raise
    except Exception as error:  # whatever Arrow's readers raise on damage
        raise _damaged(path, error) from None


def dataset_rows(folder: Path, reading: Reading) -> Rows:
    """Each row of a data set that `save_to_disk` wrote, with its place.

    Raises:
        UserError: it is damaged, or has two columns of one name.
    """
    import pyarrow

    try:
        state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        files = [folder / file["filename"] for file in state["_data_files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(folder / STATE, error) from None
    for path in files:
        try:
            with pyarrow.OSFile(str(path)) as file, pyarrow.ipc.open_stream(file) as stream:
                columns = _columns(path, stream.schema, reading)
                yield from _rows(path, (batch.select(columns) for batch in stream), _classes(stream.schema))
        except UserError:
            raise
        except Exception as error:
            raise _damaged(path, error) from None


def _columns(path: Path, schema: Any, reading: Reading) -> list[str]:
    """Those that a row is read from; all, for an error's line, if the texts' or the labels' isn't there."""
    names: list[str] = schema.names
    twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if twice is not None:
        raise UserError(f"{path}: two columns are called '{twice}'", advice="rename one of them")
    asked = {reading.text_column, reading.label_column}
    return [name for name in names if name in asked | KEYS] if asked <= set(names) else names


def _rows(path: Path, batches: Any, classes: Mapping[str, list[str]]) -> Rows:
    number = 0
    for batch in batches:
        batch.validate(full=True)  # Arrow believes the offsets of a damaged file, and the process dies of them
        for row in batch.to_pylist():
            number += 1
            place = f"{path}: row {number}"
            yield place, {name: _named(place, classes.get(name), value) for name, value in row.items()}


def _named(place: str, names: list[str] | None, value: Any) -> Any:
    """A class' name for its number, or for each of a list of them. -1: no class."""
    if isinstance(value, list):
        return [_named(place, names, one) for one in value]
    if names is None or not isinstance(value, int):
        return value
    if not -1 <= value < len(names):
        raise UserError(f"{place}: there is no class {value}, only {len(names)}")
    return names[value] if value >= 0 else None


def _classes(schema: Any) -> dict[str, list[str]]:
    """Columns of Hugging Face's ClassLabel, or of lists of it: the names of their classes."""
    metadata = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = metadata.get("info", {}).get("features", {})
    inner = {column: _inner(feature) for column, feature in features.items()}
    return {column: list(one["names"]) for column, one in inner.items() if one.get("_type") == "ClassLabel"}


def _inner(feature: Any) -> Mapping[str, Any]:
    """Of a list the feature of what is in it, which stands in a list, too, where datasets before version 4 wrote it."""
    if isinstance(feature, list):
        return _inner(feature[0])
    inner = feature.get("feature")
    return _inner(inner) if isinstance(inner, dict | list) else feature


def _damaged(path: Path, error: Exception) -> UserError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return UserError(f"{path}: damaged or incomplete: {reason}", advice="write it again")
