"""The encoded corpus: flat arrays of token types, memory-mapped. Nothing after it sees a text or a Doc.

A *token type* is a distinct (lower-case form, 1-letter prefix, 3-letter suffix, shape); a *word* is a distinct
lower-case form.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmao.data.document import Part


@dataclass(frozen=True)
class Corpus:
    """Documents as type ids.

    tokens (tokens,) int32; offsets (documents + 1,) int64; types (types, 4) uint64 hashes of the four features;
    type_words (types,) int32; words: the lower-case forms; parts (documents,) uint8; labels (documents,) int32, -1
    where there is none (test labels always); test_labels is a call, so that they are read only when asked for.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    types: NDArray[np.uint64]
    type_words: NDArray[np.int32]
    words: Sequence[str]
    parts: NDArray[np.uint8]
    labels: NDArray[np.int32]
    label_names: Sequence[str]
    digest: str
    test_labels: Callable[[], NDArray[np.int32]]
    notes: Sequence[str] = ()  # how the texts were read
    fingerprint: str = ""  # of the source that they were read from

    def document(self, number: int) -> NDArray[np.int32]:
        return self.tokens[self.offsets[number] : self.offsets[number + 1]]

    def word_ids(self, number: int) -> NDArray[np.int32]:
        """The document's words, white space left out."""
        words = self.type_words[self.document(number)]
        return words[~self._is_space[words]]

    def count(self, documents: NDArray[np.int64]) -> int:
        """How many tokens the documents have."""
        return int((self.offsets[documents + 1] - self.offsets[documents]).sum())

    @cached_property
    def copies(self) -> NDArray[np.int64]:
        """(documents,): the number of the first document that has the same tokens."""
        first: dict[bytes, int] = {}
        numbers = range(len(self.offsets) - 1)
        digests = (hashlib.blake2b(self.document(number).tobytes(), digest_size=16).digest() for number in numbers)
        return np.fromiter((first.setdefault(digest, n) for n, digest in enumerate(digests)), np.int64, len(numbers))

    @cached_property
    def type_is_space(self) -> NDArray[np.bool_]:
        """(types,): white space is a token to spaCy."""
        return self._is_space[self.type_words]

    @cached_property
    def is_word(self) -> NDArray[np.bool_]:
        """(words,): whether it has a letter or a digit."""
        found = (any(map(str.isalnum, word)) for word in self.words)
        return np.fromiter(found, dtype=bool, count=len(self.words))

    @cached_property
    def word_counts(self) -> NDArray[np.int64]:
        """(words,): how often each occurs."""
        types = np.bincount(self.tokens, minlength=len(self.types))
        return np.bincount(self.type_words, weights=types, minlength=len(self.words)).astype(np.int64)

    @cached_property
    def _is_space(self) -> NDArray[np.bool_]:
        return np.fromiter((word.isspace() for word in self.words), dtype=bool, count=len(self.words))


def unlabelled(
    tokens: NDArray[np.int32], offsets: NDArray[np.int64], types: NDArray[np.uint64], type_words: NDArray[np.int32],
    words: Sequence[str],
) -> Corpus:  # fmt: skip
    """Texts that nothing but their tokens is known of."""
    documents = len(offsets) - 1
    parts = np.full(documents, Part.UNLABELLED, dtype=np.uint8)
    labels = np.full(documents, -1, dtype=np.int32)
    return Corpus(tokens, offsets, types, type_words, words, parts, labels, (), "", labels.copy)
