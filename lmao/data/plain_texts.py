"""Texts without columns: lines, fastText's lines with their labels, and folders of files; records go out."""

import re
from collections.abc import Iterable, Iterator
from io import BufferedReader
from itertools import chain
from pathlib import Path
from unicodedata import normalize

from lmao.data.lines import PACKED, ending, files_below, lines, refuse_cr, stream_lines
from lmao.data.record import Record
from lmao.data.rows import clean, encodable, single
from lmao.errors import UserError

MARK = "__label__"  # fastText's
PARTS = {"train", "training", "test", "testing", "dev", "val", "valid", "validation"}  # as corpora call them
LABEL = re.compile(rf"(?<!\S){MARK}(\S*)\s?")


def is_fasttext(path: Path) -> bool:
    """Whether the first line that isn't empty begins with a label."""
    return _is_labelled(next((line for _, line in lines(path) if line.strip()), ""))


def _is_labelled(line: str) -> bool:
    return line.lstrip().startswith(MARK)


def fasttext_lines(numbered: Iterable[tuple[str, str]], labelled: bool) -> Iterator[Record]:
    """fastText's files: of a line's words those that begin with `__label__` are its labels.

    Raises:
        UserError: a line with a text has not exactly one label.
    """
    for place, line in numbered:
        if labelled and not line.strip():
            continue
        text = clean(place, LABEL.sub("", line))
        label = single(place, MARK, LABEL.findall(line)) if labelled and text else None
        if labelled and text and label is None:
            raise UserError(f"{place}: no {MARK} in it: texts without a label belong in data.unlabelled_path")
        yield Record(place, text, label, form="fastText")


def text_lines(path: Path, numbered: Iterable[tuple[str, str]]) -> Iterator[Record]:
    """A text a line, an empty one too."""
    for number, (place, line) in enumerate(numbered):
        if number == 0:
            refuse_cr(path, line)
        yield Record(place, line.strip(), None, form="a text a line")


def stream_texts(stream: BufferedReader, path: Path) -> Iterator[Record]:
    """Of an open stream, as of a .txt file without labels; path: what it is called.

    Raises:
        UserError: as of files, or it is a packed one.
    """
    if stream.peek(8).startswith(tuple(PACKED)):
        raise UserError(f"{path}: no text but a packed file", advice="give the file's name, or unpack it")
    numbered = stream_lines(stream, path)
    read: list[tuple[str, str]] = []
    for place, line in numbered:
        read.append((place, line))
        if line.strip():
            break
    whole = chain(read, numbered)
    yield from fasttext_lines(whole, False) if read and _is_labelled(read[-1][1]) else text_lines(path, whole)


def class_folders(folder: Path, labelled: bool) -> Iterator[Record]:
    """A folder a class, its name the label, with a file a text; without labels all files below the folder. Names are
    composed, as what is typed is: on a Mac é may be two characters.

    Raises:
        UserError: there are no classes' folders, or a file in them is no text.
    """
    for path in text_files(folder, labelled):
        place = str(path)
        text = "".join(line for _, line in lines(path)).strip()
        label = encodable(place, normalize("NFC", path.relative_to(folder).parts[0])) if labelled else None
        yield Record(place, text, label, form="a folder a class" if labelled else "a file a text")


def text_files(folder: Path, labelled: bool) -> list[Path]:
    """In order. Files beside the classes' folders (a README) are in no class."""
    files = files_below(folder)
    if labelled:
        files = [path for path in files if path.parent != folder]
    if not files:
        if not labelled:
            raise UserError(f"{folder}: no files in it", advice="name a file, or a folder of .txt files")
        raise UserError(
            f"{folder}: no folders with texts in it, such as pos/1.txt and neg/1.txt",
            advice="name a file, or a folder with a folder a class",
        )
    classes = {path.relative_to(folder).parts[0] for path in files}
    if labelled and len(classes) > 1 and {name.lower() for name in classes} <= PARTS:
        raise UserError(
            f"{folder}: its folders, {' and '.join(sorted(classes))}, are no labels",
            advice="name the one to train on as data.path, and the others as data.dev_path or data.test_path",
        )
    for path in files:
        if ending(path) not in ("", ".txt") and not ending(path)[1:].isdigit():
            kind = "a folder a class" if labelled else "a folder of texts"
            raise UserError(f"{path}: in {kind}, texts are .txt files", advice="name a file, or another folder")
    return files
