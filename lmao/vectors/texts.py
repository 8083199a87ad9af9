"""Vectors of whole texts: a corpus and a table of static vectors come in, a row a document goes out."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.batches import Segments, documents
from lmao.corpus.ngrams import Ids, Integers, find_ngrams
from lmao.corpus.selection import Selection
from lmao.engine.compiling import Floats1d, Floats2d, Ids1d, Ints1d, StoredFloats2d, kernel
from lmao.engine.kernels import pool_mean
from lmao.engine.parameters import Floats
from lmao.vectors.document_training import NgramTable
from lmao.vectors.lookup import TypeVectors
from lmao.vectors.table import StaticVectors

SMOOTHING = 1e-4  # the usual one of Arora et al. (2017): weights fall from 1 to a half at this share of the words
TEXTS_AT_ONCE = 4096  # bounds memory
MEANS_AT_ONCE = 256  # each token's vector is copied
SPACE = -2
SAMPLE = 20_000


class Composer:
    """Makes vectors of texts from those of their words and n-grams, all of them ready to be looked up.

    With `vectors=document` these are its n-grams, and their shares are from the texts it was trained on; with another
    table they are words, and the shares are from `trained_on`, the texts of this run.
    """

    def __init__(self, trained_on: Selection, vectors: StaticVectors) -> None:
        corpus = trained_on.corpus
        self.dims = vectors.dims
        self._tokens = corpus.tokens
        if vectors.name == "document":
            ngrams = NgramTable.of(vectors)
            rows, self._known = vectors.rows_of(corpus.words), ngrams.known
            shares: Sequence[NDArray[np.floating]] = ngrams.shares
            self._tables = ngrams.tables
        else:
            found, table = vectors.look_up(corpus.words)
            rows = found.astype(np.int64)
            self._tables, self._known = [table], []
            shares = [shares_of_rows(trained_on, rows, len(table))]
        self._scales = [scales(table, share) for table, share in zip(self._tables, shares, strict=True)]
        self._of_type = np.where(corpus.type_is_space, SPACE, rows[corpus.type_words]).astype(np.int32)

    def __call__(self, begins: Integers, lengths: Integers) -> Floats:
        """(texts, dims) float32, not centred, of segments of the corpus' tokens; zeros where nothing has a vector.

        Each distinct n-gram with the share p of all words counts a / (a + p), a = 1e-4, times its vector at length 1
        (the smooth inverse frequency of Arora et al. 2017); the sum is divided by the root of their number.
        """
        ids, offsets = self._words(begins, lengths)
        out, number = np.zeros((len(begins), self.dims), np.float32), np.zeros(len(begins), np.int64)
        found = ids
        for n, (table, scale) in enumerate(zip(self._tables, self._scales, strict=True), start=1):
            if n > 1:
                found = find_ngrams(found, ids, offsets, n, self._known[n - 2])
            _add(found, offsets, scale, table, np.full(len(scale), -1, np.int32), out, number)
        out /= np.sqrt(np.maximum(number, 1))[:, None]
        return out

    def _words(self, begins: Integers, lengths: Integers) -> tuple[Ids, Integers]:
        """The texts' words as rows, white space left out, and where each text begins and ends."""
        stretches = [self._tokens[begin : begin + length] for begin, length in zip(begins, lengths, strict=True)]
        words = self._of_type[np.concatenate(stretches)]
        kept = words != SPACE
        before = np.concatenate([[0], np.cumsum(kept)])
        return words[kept], before[np.concatenate([[0], np.cumsum(lengths)])]


class WholeDocuments:
    """Gives for a segment of a document the vector of the whole document, which is made when first asked for."""

    def __init__(self, compose: Composer, offsets: Integers) -> None:
        self.dims = compose.dims
        self._compose = compose
        self._begins, self._lengths = offsets[:-1], np.diff(offsets)
        self._vectors = np.zeros((len(self._begins), compose.dims), np.float32)
        self._made = np.zeros(len(self._begins), dtype=bool)

    def __call__(self, begins: Integers, lengths: Integers) -> Floats:
        """(texts, dims) float32 for segments that begin at tokens begins (texts,), however long they are."""
        owners = np.searchsorted(self._begins, begins, side="right") - 1
        new = np.unique(owners[~self._made[owners]])
        if len(new):
            self._vectors[new] = self._compose(self._begins[new], self._lengths[new])
            self._made[new] = True
        return self._vectors[owners]


class CenteredVectors:
    """Vectors less the mean over some texts: at most `SAMPLE`, evenly spread; it is computed when first needed."""

    def __init__(self, compose: Composer | WholeDocuments, texts: Segments) -> None:
        self.dims = compose.dims
        self._compose = compose
        self._some = texts[:: max(1, -(-len(texts) // SAMPLE))]

    @cached_property
    def _mean(self) -> Floats:
        mean: Floats = _in_blocks(self._compose, self._some).mean(axis=0)
        return mean

    def __call__(self, begins: Integers, lengths: Integers) -> Floats:
        """(texts, dims) float32."""
        vectors: Floats = self._compose(begins, lengths) - self._mean
        return vectors


def document_vectors(trained_on: Selection, vectors: StaticVectors, numbers: Integers) -> Floats:
    """(documents, dims) float32: the vectors of whole documents of the same corpus, see `Composer`."""
    return _in_blocks(Composer(trained_on, vectors), documents(trained_on.corpus, numbers))


def _in_blocks(compose: Composer | WholeDocuments, texts: Segments) -> Floats:
    out = np.zeros((len(texts), compose.dims), np.float32)
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        part = slice(start, start + TEXTS_AT_ONCE)
        out[part] = compose(texts.begins[part], texts.lengths[part])
    return out


def mean_vectors(types: TypeVectors, numbers: Integers) -> Floats:
    """(documents, dims) float32: the mean over each text's tokens that have a vector; zeros where none has."""
    out = np.empty((len(numbers), types.vectors.shape[1]), np.float32)
    for start in range(0, len(numbers), MEANS_AT_ONCE):
        part = slice(start, start + MEANS_AT_ONCE)
        rows = [types.rows[types.corpus.document(int(number))] for number in numbers[part]]
        rows = [row[row >= 0] for row in rows]
        pool_mean(types.vectors[np.concatenate(rows)], np.array([len(row) for row in rows]), out[part])
    return out


def shares_of_rows(trained_on: Selection, rows: Integers, size: int) -> NDArray[np.float64]:
    """(size,) how often each row of a table occurs, as a share of the texts' words; rows (words,): the words'."""
    corpus = trained_on.corpus
    counts = np.bincount(corpus.type_words, trained_on.counts * ~corpus.type_is_space, len(corpus.words))
    has = rows >= 0
    return np.asarray(np.bincount(rows[has], weights=counts[has], minlength=size) / max(1, counts.sum()))


def scales(table: Floats, share: NDArray[np.floating]) -> Floats:
    """What each row is multiplied by, see `Composer`; 0 for a row of zeros."""
    lengths = np.sqrt(np.einsum("ij,ij->i", table, table))
    return np.where(lengths > 0, SMOOTHING / (SMOOTHING + share) / np.maximum(lengths, 1e-30), 0).astype(np.float32)


@kernel
def _add(
    found: Ids1d,  # (tokens,) rows of the table, -1 for none
    offsets: Ints1d,  # (documents + 1,) where each begins among the tokens
    scale: Floats1d,  # (rows,)
    table: StoredFloats2d,  # (rows, dims)
    seen: Ids1d,  # (rows,) scratch: which document met the row last; -1 at first
    out: Floats2d,  # (documents, dims) added to
    number: Ints1d,  # (documents,) added to
) -> None:
    """Add each document's distinct rows, times their scales, and count them."""
    for d in range(out.shape[0]):
        into = out[d]
        for i in range(offsets[d], offsets[d + 1]):
            row = found[i]
            if row < 0 or seen[row] == d or scale[row] == 0:
                continue
            seen[row] = d
            number[d] += 1
            vector, factor = table[row], scale[row]
            for o in range(into.shape[0]):
                into[o] += factor * vector[o]
