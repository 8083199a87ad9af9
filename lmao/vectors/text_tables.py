"""Tables of vectors as text, a word and its numbers a line: a file comes in, blocks of words and vectors go out."""

import csv
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from lmao.errors import UserError
from lmao.files import lines_of
from lmao.vectors.sources import open_bytes
from lmao.vectors.table import Block, fault_of

BYTES_AT_ONCE = 1 << 24
BYTES_EACH = 2  # of a number: a digit and a space
MOST_PACKED = 1032  # bytes that gzip makes of one
MOST_DIMS = 100_000


def read_glove(path: Path, dims: int) -> Iterator[Block]:
    """The vectors of a GloVe table: no header line; of the official zip, the member with `dims` dimensions.

    Raises:
        UserError: another number of dimensions, or a line that does not fit.
    """
    with open_bytes(path, f"{path.stem}.{dims}d.txt") as file:
        lines = lines_of(file, path)
        first = next(lines, b"")
        numbers = len(first.split()) - 1
        if numbers == 1 and first.split()[1].isdigit():
            raise UserError(
                f"{path}:1 is a header line, which GloVe tables lack", setting="vectors", advice="choose word2vec"
            )
        if first and numbers < 1:
            raise UserError(
                f"{path}:1 should hold a word and its numbers",
                setting="vectors.path",
                advice="is it a table of vectors?",
            )
        if first and numbers != dims:
            raise UserError(
                f"{path} holds vectors of {numbers} dimensions, not {dims}",
                setting="vectors.dims",
                advice=f"set it to {numbers}",
            )
        yield from _blocks(path, chain([first], lines) if first else [], dims, 1)


def read_word2vec(path: Path) -> Iterator[Block]:
    """The vectors of a .vec or .txt table with a header line `words dimensions` (word2vec, fastText).

    Raises:
        UserError: no such header, another number of lines than it says, or a line that does not fit.
    """
    with open_bytes(path) as file:
        words, dims = parse_header(path, file, BYTES_EACH)
        seen = 0
        for block in _blocks(path, lines_of(file, path), dims, 2):
            seen += len(block[0])
            yield block
    if seen != words:
        raise UserError(
            f"{path}:1 says {words:,} words, but {seen:,} follow: the file is damaged", advice="get it again"
        )


def parse_header(path: Path, file: IO[bytes], bytes_each: int) -> tuple[int, int]:
    """Words and dimensions, from the first line. bytes_each: what a number takes at the least.

    Raises:
        UserError: it doesn't hold these, or says more than the file can hold.
    """
    fields = file.readline(200).split()
    if len(fields) == 2 and all(field.isdigit() and int(field) for field in fields):
        words, dims = int(fields[0]), int(fields[1])
        most = path.stat().st_size * (MOST_PACKED if path.suffix == ".gz" else 1)
        if dims > MOST_DIMS or words * dims * bytes_each > most:
            raise UserError(
                f"{path}:1 says {words:,} words of {dims:,} dimensions, more than there can be in it",
                advice="it is damaged or no table of vectors; get it again",
            )
        return words, dims
    raise UserError(
        f"{path}:1 should give the number of words and of dimensions, as word2vec's and fastText's tables do",
        setting="vectors",
        advice="choose glove for a table without that line",
    )


def _blocks(path: Path, lines: Iterable[bytes], dims: int, line: int) -> Iterator[Block]:
    at_once = max(1, BYTES_AT_ONCE // (8 * dims))
    stream = iter(lines)
    while block := list(islice(stream, at_once)):
        words, vectors = _parse_fast(block, dims) or _parse_each(path, block, dims, line)
        if (fault := fault_of(vectors)) is not None:
            row, what = fault
            raise UserError(f"{path}:{line + row}: the vector is {what}", advice="correct or remove that line")
        yield words, vectors
        line += len(block)


def _parse_fast(lines: list[bytes], dims: int) -> Block | None:
    """One numeric parse for all lines, or None where a line is unusual in any way."""
    words, numbers = [], []
    for line in lines:
        line = line.rstrip()
        if line.count(b" ") != dims:
            return None
        word, _, rest = line.partition(b" ")
        words.append(word.decode("utf8", "replace"))
        numbers.append(rest)
    # pandas' parser is the fastest there is; imported here, for it takes long and a cached table needs none.
    from pandas import read_csv

    try:
        text = BytesIO(b"\n".join(numbers))
        table = read_csv(text, sep=" ", header=None, dtype=np.float32, quoting=csv.QUOTE_NONE, na_filter=False)
    except ValueError:
        return None
    vectors: NDArray[np.float32] = table.to_numpy()
    return (words, vectors) if vectors.shape == (len(words), dims) else None


def _parse_each(path: Path, lines: list[bytes], dims: int, first: int) -> Block:
    words = []
    vectors = np.zeros((len(lines), dims), np.float32)
    for index, line in enumerate(lines):
        # A few words of the large GloVe tables have spaces inside, so the numbers are counted from the right.
        word, *numbers = line.rsplit(None, dims) or [b""]
        try:
            vectors[index] = np.array(numbers, np.float32)
        except ValueError:
            raise UserError(
                f"{path}:{first + index} should hold a word and {dims} numbers", advice="correct or remove that line"
            ) from None
        words.append(word.decode("utf8", "replace"))
    return words, vectors
