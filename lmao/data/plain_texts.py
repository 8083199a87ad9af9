"""Texts without columns: lines, fastText's lines with their labels, and folders of files; records go out."""

import re
from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

from lmao.data.lines import ending, lines, refuse_cr
from lmao.data.record import Record
from lmao.data.rows import clean, encodable, single
from lmao.errors import UserError

MARK = "__label__"  # fastText's
PARTS = {"train", "training", "test", "testing", "dev", "val", "valid", "validation"}  # as corpora call them
LABEL = re.compile(rf"(?<!\S){MARK}(\S*)\s?")


def is_fasttext(path: Path) -> bool:
    """Whether the first line that isn't empty begins with a label."""
    return next((line for _, line in lines(path) if line.strip()), "").lstrip().startswith(MARK)


def fasttext_lines(path: Path, labelled: bool) -> Iterator[Record]:
    """fastText's files: of a line's words those that begin with `__label__` are its labels.

    Raises:
        UserError: a line with a text has not exactly one label.
    """
    for place, line in lines(path):
        if not line.strip():
            continue
        text = clean(place, LABEL.sub("", line))
        label = single(place, MARK, LABEL.findall(line)) if labelled and text else None
        if labelled and text and label is None:
            raise UserError(f"{place}: no {MARK} in it: texts without a label belong in data.unlabelled_path")
        yield Record(place, text, label, form="fastText")


def text_lines(path: Path) -> Iterator[Record]:
    """A text a line, an empty one too."""
    for number, (place, line) in enumerate(lines(path)):
        if number == 0:
            refuse_cr(path, line)
        yield Record(place, line.strip(), None, form="a text a line")


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
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
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
