"""Some documents of a corpus: those that vectors are trained on and that the encoder is pre-trained on."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.corpus import Corpus
from lmao.streams import digest


@dataclass(frozen=True)
class Selection:
    """documents (n,) int64: their numbers in the corpus. Each property is computed once."""

    corpus: Corpus
    documents: NDArray[np.int64]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(types,): how often each type occurs in the documents; flat in memory."""
        counts = np.zeros(len(self.corpus.types), dtype=np.int64)
        for block in np.array_split(self.documents, max(1, len(self.documents) // 2000)):
            if len(block):
                tokens = np.concatenate([self.corpus.document(int(number)) for number in block])
                counts += np.bincount(tokens, minlength=len(counts))
        return counts

    @cached_property
    def digest(self) -> str:
        """A digest of the documents' numbers; the corpus has its own."""
        return digest(self.documents)

    @cached_property
    def words(self) -> int:
        """How many tokens the documents have."""
        return self.corpus.count(self.documents)

    @property
    def mean_words(self) -> float:
        """Of a document."""
        return max(1, self.words) / max(1, len(self.documents))
