"""Texts that nearly repeat one another: documents come in, what each of some is nearly a copy of goes out.

Two texts are alike as far as they share their triples of words (Jaccard's index). MinHash (Broder 1997) estimates it:
of each of HASHES random orders of all triples, a text keeps the first that it has; two texts agree in as many of them
as they are alike, give or take 0.05. Only texts that agree in all of a band of them are compared. Linear in words.
"""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.corpus import Corpus
from lmao.engine.compiling import Bits1d, Ints1d, kernel
from lmao.engine.splitmix import STEP, mix

WORDS = 3  # of a shingle: a changed word changes three
HASHES = 64
BANDS = 16  # of 4 hashes: of texts that are 0.8 alike 1 in 5,000 is missed, of those that are 0.3 alike 1 in 8 compared
ALIKE = 0.8
SHORTEST = 12  # words: what is shorter is often said twice, and one word too few to tell a template by
BLOCK = 2000  # documents at once
COMPARED = 4  # of the known texts of a band: templates make large ones

Integers = NDArray[np.int64]
Signatures = NDArray[np.uint64]
Bits2d = Annotated[Signatures, "u8[:,::1]"]


def near_copies(corpus: Corpus, documents: Integers, known: Integers) -> NDArray[np.bool_]:
    """(documents,) whether each is nearly a copy of a known one other than itself; also where it is a copy.

    documents, known: numbers of documents.
    """
    own, others = _signatures(corpus, documents), _signatures(corpus, known)
    found = np.zeros(len(documents), dtype=bool)
    width = HASHES // BANDS
    for band in range(BANDS):
        columns = slice(band * width, (band + 1) * width)
        keys, other_keys = _keys(own[:, columns]), _keys(others[:, columns])
        order = np.argsort(other_keys, kind="stable")
        first = np.searchsorted(other_keys[order], keys)
        for step in range(COMPARED):
            at = np.flatnonzero(~found & (first + step < len(order)))
            at = at[other_keys[order[first[at] + step]] == keys[at]]
            other = order[first[at] + step]
            same = (own[at] == others[other]).mean(axis=1)
            found[at[(same >= ALIKE) & (documents[at] != known[other])]] = True
    long_enough: NDArray[np.bool_] = own[:, 0] != _NONE
    return found & long_enough


_NONE = np.iinfo(np.uint64).max  # of a text that is too short


def _signatures(corpus: Corpus, documents: Integers) -> Signatures:
    """(documents, HASHES)"""
    signatures = np.full((len(documents), HASHES), _NONE, dtype=np.uint64)
    factors = mix(STEP * np.arange(1, HASHES + 1, dtype=np.uint64)) | np.uint64(1)
    for start in range(0, len(documents), BLOCK):
        texts = [_words(corpus, int(number)) for number in documents[start : start + BLOCK]]
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        shingles = _shingles(np.concatenate(texts).astype(np.uint64))
        _keep_smallest(shingles, np.cumsum(lengths) - lengths, lengths, factors, signatures[start : start + BLOCK])
    return signatures


def _words(corpus: Corpus, number: int) -> NDArray[np.int32]:
    words = corpus.type_words[corpus.document(number)]
    return words[corpus.is_word[words]]


def _shingles(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(words,) a hash of each word and those after it."""
    hashes = np.zeros(len(words), dtype=np.uint64)
    for i in range(min(WORDS, len(words))):
        hashes[: len(words) - i] = mix(hashes[: len(words) - i] + STEP * (words[i:] + np.uint64(1)))
    return hashes


def _keys(columns: Signatures) -> NDArray[np.uint64]:
    """One number for each row."""
    key = np.zeros(len(columns), dtype=np.uint64)
    for i in range(columns.shape[1]):
        key = mix(key + STEP * columns[:, i])
    return key


@kernel
def _keep_smallest(shingles: Bits1d, begins: Ints1d, lengths: Ints1d, factors: Bits1d, smallest: Bits2d) -> None:
    """The smallest of each document's shingles in the orders that the odd factors make (documents, HASHES)."""
    for d in range(begins.shape[0]):
        if lengths[d] >= SHORTEST:
            row = smallest[d]
            for i in range(begins[d], begins[d] + lengths[d] - WORDS + 1):
                for k in range(factors.shape[0]):
                    row[k] = min(row[k], shingles[i] * factors[k])
