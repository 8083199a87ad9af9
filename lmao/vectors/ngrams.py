"""The n-grams that have a row: documents come in as words, the rows of their n-grams go out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmao.vectors.document_kernels import join

Ids = NDArray[np.int32]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Known:
    """The n-grams of one length n > 1, sorted by their first n - 1 words, then by the last.

    begins (known (n-1)-grams + 1,) int64: where those that begin with each are; lasts (n-grams,) int32: last words.
    """

    begins: Integers
    lasts: Ids


def count_ngrams(first: Ids, words: Ids, offsets: Integers, n: int, sizes: tuple[int, int], min_count: int) -> Known:
    """The n-grams that occur at least `min_count` times.

    first, words (tokens,): the (n-1)-gram that begins at each token, and its word, -1 for those without a row;
    offsets (documents + 1,); sizes: how many known (n-1)-grams and words there are.
    """
    tokens = max(0, len(words) - n + 1)
    whole = (first[:tokens] >= 0) & (words[n - 1 :] >= 0)
    for border in offsets[1:-1]:
        whole[max(0, border - n + 1) : border] = False
    keys = first[:tokens][whole].astype(np.int64)
    keys *= sizes[1]
    keys += words[n - 1 :][whole]
    keys.sort()
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    frequent = keys[starts[np.diff(starts, append=len(keys)) >= min_count]]
    begins = np.searchsorted(frequent // sizes[1], np.arange(sizes[0] + 1))
    return Known(begins, (frequent % sizes[1]).astype(np.int32))


def longer_ngrams(first: Ids, words: Ids, offsets: Integers, n: int, known: Known) -> Ids:
    """(tokens,) which of the known n-grams begins at each token, -1 for none; first, words, offsets as above."""
    found = np.empty(len(words), np.int32)
    join(first, words, offsets, n, known.begins, known.lasts, found)
    return found
