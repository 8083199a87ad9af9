"""Tables to measure on: the name of a file or of a spaCy pipeline comes in, its vectors at length 1 go out."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from lmao.cache import Writer
from lmao.engine.parameters import Floats
from lmao.errors import UserError
from lmao.vectors import binary_tables, pipeline_tables, text_tables
from lmao.vectors.nearest import unit_rows
from lmao.vectors.sources import existing_file, open_bytes
from lmao.vectors.table import Block

TEXT = (".txt", ".vec")


def read_table(name: str) -> Floats:
    """The rows (rows, dims) of length 1; those of zeros, which are near nothing, are left out.

    Raises:
        UserError: there is no such file or pipeline, it is damaged or of another format, or it has no vectors.
    """
    try:
        table = _read(name)
    except UserError as error:
        raise UserError(error.what, advice=error.advice) from None  # here the file is an argument, not a setting
    table = table[table.any(axis=1)]
    if not len(table):
        raise UserError(f"{name} has no row that is not zeros", advice="name another table")
    return unit_rows(table)


def _read(name: str) -> Floats:
    path = Path(name).expanduser()
    if path.is_dir() or not (path.suffix or path.exists()):
        return _pipeline(name)
    path = existing_file(name)
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if path.suffix == ".npy":
        return _array(path)
    if suffix == ".bin":
        return _joined(binary_tables.read(path))
    if suffix in TEXT:
        return _joined(_text(path))
    raise UserError(
        f"{path} is of no kind that is known here",
        advice="give a table of vectors (.txt, .vec or .bin, also .gz), an array (.npy), or a spaCy pipeline",
    )


def _text(path: Path) -> Iterable[Block]:
    """word2vec's and fastText's tables begin with a line of two numbers, GloVe's do not."""
    with open_bytes(path) as file:
        first = file.readline().split()
    if len(first) == 2:
        return text_tables.read_word2vec(path)
    if not first:
        raise UserError(f"{path} is empty", advice="get it again")
    return text_tables.read_glove(path, len(first) - 1)


def _joined(blocks: Iterable[Block]) -> Floats:
    parts = [vectors for _, vectors in blocks]
    if not parts:
        raise UserError("there is no vector in it", advice="name another table")
    table: Floats = np.concatenate(parts)
    return table


def _array(path: Path) -> Floats:
    try:
        array = np.load(path, allow_pickle=False)
    except Exception:  # np.load leaks whatever its parser raises
        raise UserError(f"{path} is damaged or not an array that numpy saved: make it with numpy.save") from None
    if array.ndim != 2 or not array.size or not np.issubdtype(array.dtype, np.floating):
        raise UserError(f"{path} holds {array.dtype} of shape {array.shape}: (rows, dims) of floats is needed")
    if not np.isfinite(array).all():
        raise UserError(f"{path} holds numbers that are not finite", advice="correct or remove these rows")
    return np.asarray(array, dtype=np.float32)


def _pipeline(name: str) -> Floats:
    with TemporaryDirectory() as folder:
        writer = Writer(Path(folder))
        pipeline_tables.convert(pipeline_tables.find_vocab(name), False, writer)
        if writer.meta["floret"] is not None:
            raise UserError(f"{name} has rows for n-grams, not for words", advice="name another table")
        table: Floats = np.load(Path(folder) / "table.npy")
    return table
