"""Models that fastText saved (.bin): a file comes in, the composed vectors of its words go out.

A word's vector is the mean of its own row and its character n-grams' rows (Bojanowski et al. 2017). The floret library
can't read these files: its own .bin has two more settings under the same mark.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmao.engine.compiling import Floats1d, Floats2d, Integer, Ints1d, StoredBytes1d, StoredFloats2d, kernel
from lmao.errors import UserError
from lmao.vectors.table import Block, fault_of

MAGIC = 793712314
SUPERVISED = 3
WORDS_AT_ONCE = 16_384


class Model(NamedTuple):
    """What composing needs: the words with their ranks, the n-grams' lengths, and the rows (words + buckets, dims)."""

    words: list[bytes]
    minn: int
    maxn: int
    buckets: int
    rows: NDArray[np.float32]


def read(path: Path) -> Iterator[Block]:
    """The vectors of all words in the model's dictionary, most frequent first.

    Raises:
        UserError: the model is cut short, compressed, quantized or damaged.
    """
    if path.suffix == ".gz":
        raise UserError(f"{path} is a compressed fastText model", advice="unpack it first (gunzip)")
    try:
        model = _open(path)
    except (struct.error, ValueError, IndexError, OverflowError):
        raise UserError(f"{path} is cut short, or not a model that fastText saved", advice="get it again") from None
    for start in range(0, len(model.words), WORDS_AT_ONCE):
        part = model.words[start : start + WORDS_AT_ONCE]
        # The end-of-line symbol has a row of its own and no n-grams.
        padded = [b"" if word == b"</s>" else b"<" + word + b">" for word in part]
        offsets = np.cumsum([0, *map(len, padded)])
        text = np.frombuffer(b"".join(padded), np.uint8)
        vectors = np.empty((len(part), model.rows.shape[1]), np.float32)
        counts = np.empty(len(part), np.float32)
        _compose(
            text, offsets, start, len(model.words), model.minn, model.maxn, model.buckets, model.rows, vectors, counts
        )
        vectors /= counts[:, None]
        if (fault := fault_of(vectors)) is not None:
            raise UserError(f"{path} holds vectors that are {fault[1]}: it is damaged", advice="get it again")
        yield [word.decode("utf8", "replace") for word in part], vectors


def _open(path: Path) -> Model:
    with path.open("rb") as file:
        _, version, *settings = _unpack(file, "<14i")
        _unpack(file, "<d")
        kind, buckets, minn, maxn = settings[7:11]
        dims = settings[0]
        size, nwords, _, _, pruned = _unpack(file, "<3i2q")
        words = _read_words(file, size)[:nwords]
        (quantized,) = _unpack(file, "<?")
        if quantized or pruned > 0:
            raise UserError(
                f"{path} is a quantized model (.ftz), whose vectors are approximate", advice="take the .bin model"
            )
        count, width = _unpack(file, "<2q")
        start = file.tell()
    size = path.stat().st_size - start
    fits = width == dims >= 1 and 4 * count * width <= size
    if not (fits and 1 <= nwords <= count and minn >= 0 and count - nwords in (0, buckets)):
        raise ValueError
    if (version == 11 and kind == SUPERVISED) or count == nwords:
        maxn = 0
    rows = np.memmap(path, "<f4", "r", start, (count, dims))
    return Model(words, minn, maxn, buckets, np.asarray(rows))


def _unpack(file: IO[bytes], layout: str) -> tuple[Any, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _read_words(file: IO[bytes], size: int) -> list[bytes]:
    """The dictionary: each word ends in a zero byte, its count (int64) and its type (int8) follow."""
    words: list[bytes] = []
    buffer, position = b"", 0
    while len(words) < size:
        end = buffer.find(b"\0", position)
        if end < 0 or end + 10 > len(buffer):
            more = file.read(1 << 20)
            if not more:
                raise ValueError
            buffer, position = buffer[position:] + more, 0
            continue
        words.append(buffer[position:end])
        position = end + 10
    file.seek(position - len(buffer), 1)
    return words


@kernel
def _compose(
    text: StoredBytes1d,  # the words, padded and joined
    offsets: Ints1d,  # (n + 1,) where each begins
    first: Integer,  # the rank of the first of them
    nwords: Integer,
    minn: Integer,
    maxn: Integer,
    buckets: Integer,
    rows: StoredFloats2d,  # (nwords + buckets, dims)
    sums: Floats2d,  # (n, dims) written
    counts: Floats1d,  # (n,) written
) -> None:
    """Write for each word the sum of its own row and its n-grams' rows, and how many rows these are."""
    for word in range(len(offsets) - 1):
        begin, end = offsets[word], offsets[word + 1]
        sums[word] = rows[first + word]
        count = 1
        for i in range(begin, end):
            if text[i] & 0xC0 == 0x80:
                continue
            hashed = np.uint32(2166136261)
            j = i
            for n in range(1, maxn + 1):
                if j == end:
                    break
                while True:  # one character: its first byte and those that continue it
                    # FNV-1a over signed bytes, as fastText has always hashed
                    hashed = np.uint32((hashed ^ np.uint32(np.int8(text[j]))) * np.uint32(16777619))
                    j += 1
                    if j == end or text[j] & 0xC0 != 0x80:
                        break
                if n >= minn and not (n == 1 and (i == begin or j == end)):
                    sums[word] += rows[nwords + hashed % np.uint32(buckets)]
                    count += 1
        counts[word] = count
