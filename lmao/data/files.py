"""The user's own texts, as they have them: what a path holds is found out; records go out."""

from collections.abc import Iterator
from dataclasses import astuple
from enum import Enum, auto
from functools import partial
from pathlib import Path

from lmao.config.data import Files
from lmao.data.arrow import dataset_rows, is_dataset, parquet_rows
from lmao.data.dialects import find_dialect
from lmao.data.document import Part
from lmao.data.json_rows import json_rows
from lmao.data.lines import ending, lines, refuse_packed
from lmao.data.parts import PartedSource, paths_of, unreadable
from lmao.data.plain_texts import class_folders, fasttext_lines, is_fasttext, text_files, text_lines
from lmao.data.record import Reading, Record
from lmao.data.rows import record
from lmao.data.tables import rows
from lmao.errors import UserError
from lmao.sheets import as_it_was

LABELLED = ".csv, .tsv, .jsonl, .json, .parquet"


class Format(Enum):
    TABLE = auto()
    JSON = auto()
    PARQUET = auto()
    DATASET = auto()
    FASTTEXT = auto()
    LINES = auto()
    FOLDER = auto()


def open_files(config: Files) -> PartedSource:
    """Check the paths and what they hold.

    Raises:
        UserError: a path doesn't exist, or holds nothing that can be read.
    """
    paths = paths_of(config)
    reading = Reading(config.text_column, config.label_column, config.delimiter, config.quotes, config.header)
    for part, path in paths.items():
        try:
            find_format(path, reading, part is not Part.UNLABELLED)
        except OSError as error:
            raise unreadable(path, error) from None
    return PartedSource("files", paths, astuple(reading), partial(read_files, reading))


def read_files(reading: Reading, path: Path, labelled: bool) -> Iterator[Record]:
    """The texts of a file or folder, with their labels if it is labelled.

    Raises:
        UserError: the line names the file and the place in it.
    """
    match find_format(path, reading, labelled):
        case Format.TABLE:
            dialect = find_dialect(path, reading)
            for place, row in rows(path, dialect):
                one = record(place, row, reading, labelled, dialect.form)
                yield one._replace(text=as_it_was(one.text).strip())  # it may have been in a spreadsheet
            return
        case Format.JSON:
            form, found = json_rows(path)
        case Format.PARQUET:
            form, found = "Parquet", parquet_rows(path, reading)
        case Format.DATASET:
            form, found = "Hugging Face data set", dataset_rows(path, reading)
        case Format.FASTTEXT:
            yield from fasttext_lines(lines(path), labelled)
            return
        case Format.LINES:
            yield from text_lines(path, lines(path))
            return
        case Format.FOLDER:
            yield from class_folders(path, labelled)
            return
    for place, row in found:
        yield record(place, row, reading, labelled, form)


def read_texts(path: Path, text_column: str) -> Iterator[Record]:
    """The texts of a file, for a command that takes --text-column and none of the settings of data=files.

    Raises:
        UserError: as of `read_files`; its advice is something that can be done there.
    """
    try:
        yield from read_files(Reading(text_column=text_column), path, labelled=False)
    except UserError as error:
        advice = error.advice and error.advice.replace("set data.text_column, one for all files", "give --text-column")
        if advice and "data." in advice:
            advice = "here only a clear table is read: write the texts into a .txt, one a line, or a .jsonl"
        raise UserError(error.what, setting=error.setting, advice=advice) from None
    except OSError as error:
        raise unreadable(path, error) from None


def find_format(path: Path, reading: Reading, labelled: bool) -> Format:
    """By the ending and, where that says too little, by how a file begins or what a folder holds.

    Raises:
        UserError: it holds nothing that can be read.
    """
    if path.is_dir():
        if is_dataset(path):
            return Format.DATASET
        text_files(path, labelled)
        return Format.FOLDER
    if not path.is_file():
        raise UserError(f"{path}: neither a file nor a folder")
    match ending(path):
        case ".csv" | ".tsv":
            return Format.TABLE
        case ".jsonl" | ".ndjson" | ".json":
            return Format.JSON
        case ".parquet":
            return Format.PARQUET
        case ".txt" if reading.delimiter is not None:
            return Format.TABLE
        case ".txt" if not labelled:
            return Format.FASTTEXT if is_fasttext(path) else Format.LINES
        case ".txt" | "" if is_fasttext(path):
            return Format.FASTTEXT
        case ".txt":
            raise UserError(
                f"{path}: a .txt file with labels begins with __label__", advice="if it is a table, set data.delimiter"
            )
    with path.open("rb") as file:
        refuse_packed(path, file.read(8))
    kinds = (
        f"{LABELLED}, a folder a class, fastText's .txt" if labelled else f".txt, {LABELLED}, a folder of .txt files"
    )
    raise UserError(f"{path}: this kind of file can't be read here; these can: {kinds} (also with .gz)")
