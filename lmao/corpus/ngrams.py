"""N-grams as numbers: documents come in as word ids; for each token the known n-gram that begins there goes out.

An n-gram is an (n-1)-gram and one more word. So its key is (number of the (n-1)-gram) * (number of words) + (last
word), which is exact, and fits an int64 for every n.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.batches import batches
from lmao.engine.compiling import Ids1d, Integer, Ints1d, kernel

Ids = NDArray[np.int32]
Integers = NDArray[np.int64]

SORTED_AT_ONCE = 1 << 22  # n-grams, some 100 MB


@dataclass(frozen=True)
class Ngrams:
    """The n-grams of one length n > 1, numbered by their first n - 1 words, then by the last.

    begins (known (n-1)-grams + 1,) int64: where those that begin with each are; lasts (n-grams,) int32: last words.
    """

    begins: Integers
    lasts: Ids

    def __len__(self) -> int:
        return len(self.lasts)


def owners_of(offsets: Integers) -> Ids:
    """(tokens,) the document of each token; offsets (documents + 1,): where each begins."""
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))


class Stretch(NamedTuple):
    """Some whole documents.

    first (tokens,) int32: which known (n-1)-gram begins at each token, -1 for none; words (tokens,) int32: from 0, -1
    for an unknown one; offsets (documents + 1,): where each document begins among them.
    """

    first: Ids
    words: Ids
    offsets: Integers


def frequent(keys: Integers, min_count: int, owners: Ids | None = None) -> Integers:
    """The distinct keys, ascending, that occur `min_count` times, or, given their owners, in `min_count` documents.

    keys (n,) are overwritten.
    """
    if owners is None:
        keys.sort()
    elif len(keys):
        distinct, places = np.unique(keys, return_inverse=True)
        documents = int(owners.max()) + 1
        keys = distinct[np.unique(places * documents + owners) // documents]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[starts[np.diff(starts, append=len(keys)) >= min_count]]


def frequent_ngrams(
    stretches: Iterable[Stretch],  # the documents, gone over several times
    n: int,
    sizes: tuple[int, int],  # how many known (n-1)-grams and words there are
    min_count: int,
    by_document: bool = False,
) -> Ngrams:
    """The n-grams that occur `min_count` times, or, by_document, in `min_count` documents.

    Memory is flat in the number of documents: those that begin with some of the (n-1)-grams are sorted at a time.
    """
    begin_with = np.zeros(sizes[0], np.int64)
    for stretch in stretches:
        begin_with += np.bincount(stretch.first[_begins(stretch, n)], minlength=sizes[0])
    found = []
    for some in batches(begin_with, SORTED_AT_ONCE):
        keys, owners, documents = [], [], 0
        for stretch in stretches:
            places = _begins(stretch, n)
            first = stretch.first[places]
            places = places[(first >= some.start) & (first < some.stop)]
            keys.append(stretch.first[places].astype(np.int64) * sizes[1] + stretch.words[places + n - 1])
            if by_document:
                owners.append(documents + owners_of(stretch.offsets)[places])
                documents += len(stretch.offsets) - 1
        found.append(frequent(np.concatenate(keys), min_count, np.concatenate(owners) if by_document else None))
    everything = np.concatenate([*found, np.zeros(0, np.int64)])
    begins = np.searchsorted(everything // sizes[1], np.arange(sizes[0] + 1))
    return Ngrams(begins, (everything % sizes[1]).astype(np.int32))


def _begins(stretch: Stretch, n: int) -> Integers:
    """Where a known (n-1)-gram and one more known word begin, within a document."""
    first, words, offsets = stretch
    tokens = max(0, len(words) - n + 1)
    whole = (first[:tokens] >= 0) & (words[n - 1 :] >= 0)
    for back in range(1, n):
        over = offsets[1:-1] - back
        whole[over[(over >= 0) & (over < tokens)]] = False
    return np.flatnonzero(whole)


def find_ngrams(first: Ids, words: Ids, offsets: Integers, n: int, known: Ngrams) -> Ids:
    """(tokens,) which of the known n-grams begins at each token, -1 for none; the arguments as above."""
    found = np.empty(len(words), np.int32)
    _find(first, words, offsets, n, known.begins, known.lasts, found)
    return found


@kernel
def _find(
    first: Ids1d,  # (tokens,)
    words: Ids1d,  # (tokens,)
    offsets: Ints1d,  # (documents + 1,)
    n: Integer,
    begins: Ints1d,  # (known (n-1)-grams + 1,)
    lasts: Ids1d,  # (n-grams,)
    found: Ids1d,  # (tokens,) written
) -> None:
    """Look for each n-gram's last word among those that follow its first n - 1, by halving."""
    for d in range(offsets.shape[0] - 1):
        for i in range(offsets[d], offsets[d + 1]):
            found[i] = -1
            end = i + n - 1
            if end >= offsets[d + 1] or first[i] < 0 or words[end] < 0:
                continue
            low, high = begins[first[i]], begins[first[i] + 1]
            last = high
            while low < high:
                middle = (low + high) // 2
                if lasts[middle] < words[end]:
                    low = middle + 1
                else:
                    high = middle
            if low < last and lasts[low] == words[end]:
                found[i] = low
