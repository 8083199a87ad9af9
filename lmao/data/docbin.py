"""spaCy's .spacy files: the text is the Doc's, the label its highest category, and its heads come along."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from spacy.attrs import HEAD, IDX, LENGTH
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from lmao.config.data import DocBins
from lmao.data.document import Tree
from lmao.data.labels import best_category
from lmao.data.lines import files_below
from lmao.data.parts import PartedSource, paths_of, unreadable
from lmao.data.record import Record
from lmao.errors import UserError


def open_docbins(config: DocBins) -> PartedSource:
    """Find the files: each path is a .spacy file or a folder of them.

    Raises:
        UserError: a path does not exist or leads to no .spacy file.
    """
    paths = paths_of(config)
    for path in paths.values():
        try:
            found = any(file.suffix == ".spacy" for file in _files(path))
        except OSError as error:
            raise unreadable(path, error) from None
        if not found:
            raise UserError(f"{path}: neither a .spacy file nor a folder with some in it")
    return PartedSource("docbin", paths, (), read_docbins)


def read_docbins(path: Path, labelled: bool) -> Iterator[Record]:
    """The documents of a file, or of all in a folder."""
    for file in _files(path):
        yield from _read(file, labelled)


def _files(path: Path) -> list[Path]:
    return [file for file in files_below(path) if file.suffix == ".spacy"] if path.is_dir() else [path]


def _read(path: Path, labelled: bool) -> Iterator[Record]:
    """On damaged bytes DocBin raises whatever msgpack and zlib raise, so any error counts as damage."""
    try:
        for number, doc in enumerate(DocBin().from_disk(path).get_docs(Vocab()), start=1):
            place = f"{path}: document {number}"
            text = doc.text.strip()
            yield Record(place, text, best_category(place, doc.cats) if labelled and text else None, _tree(doc))
    except (UserError, OSError):
        raise
    except Exception as error:
        raise UserError(
            f"{path}: a damaged or incomplete DocBin ({type(error).__name__})", advice="write it again"
        ) from None


def _tree(doc: Doc) -> Tree | None:
    """The tree of the Doc's stripped text; None if no token has a head, annotated or not."""
    offsets, starts, lengths = doc.to_array([HEAD, IDX, LENGTH]).astype(np.int64).T
    if not offsets.any():
        return None
    starts = starts - (len(doc.text) - len(doc.text.lstrip()))
    return Tree(starts, starts + lengths, np.arange(len(offsets)) + offsets)
