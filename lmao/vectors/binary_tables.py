"""Binary tables, word2vec's and fastText's .bin: a file comes in, blocks of words and vectors go out."""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lmao.errors import UserError
from lmao.vectors import fasttext_model
from lmao.vectors.sources import open_bytes
from lmao.vectors.table import Block, fault_of
from lmao.vectors.text_tables import parse_header

BYTES_AT_ONCE = 1 << 22
FLOAT = 4  # bytes


def read(path: Path) -> Iterator[Block]:
    """The vectors of a .bin file, whichever of the two programs wrote it.

    Raises:
        UserError: the file is cut short, damaged or of another format.
    """
    with open_bytes(path) as file:
        start = file.read(4)
    if start == struct.pack("<i", fasttext_model.MAGIC):
        yield from fasttext_model.read(path)
    else:
        yield from _read_word2vec(path)


def _read_word2vec(path: Path) -> Iterator[Block]:
    with open_bytes(path) as file:
        size, dims = parse_header(path, file, FLOAT)
        length = FLOAT * dims
        buffer = b""
        seen = 0
        while seen < size:
            more = file.read(BYTES_AT_ONCE + length)
            buffer += more
            words, vectors, used = _parse(buffer, length, size - seen)
            if not words:
                raise UserError(
                    f"{path} says {size:,} words of {dims} dimensions, but ends or breaks after {seen:,}",
                    advice="it is cut short or not a word2vec table; get it again",
                )
            block = np.frombuffer(b"".join(vectors), "<f4").reshape(-1, dims)
            if (fault := fault_of(block)) is not None:
                row, what = fault
                raise UserError(
                    f"{path}: the vector of {words[row]!r} is {what}: the file is damaged", advice="get it again"
                )
            yield words, block
            seen += len(words)
            buffer = buffer[used:]
        if (buffer + file.read(length)).strip():
            raise UserError(
                f"{path} continues after the {size:,} words that its first line announces", advice="get it again"
            )


def _parse(buffer: bytes, length: int, limit: int) -> tuple[list[str], list[bytes], int]:
    """The whole words in a buffer, their vectors' bytes, and how much of the buffer these take."""
    words: list[str] = []
    vectors: list[bytes] = []
    position = 0
    while len(words) < limit:
        space = buffer.find(b" ", position)
        end = space + 1 + length
        if space < 0 or end > len(buffer):
            break
        words.append(buffer[position:space].lstrip(b"\n").decode("utf8", "replace"))
        vectors.append(buffer[space + 1 : end])
        position = end
    return words, vectors, position
