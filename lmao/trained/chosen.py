"""What a run chose: one trained classifier, or several and their weights; a corpus comes in, probabilities go out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lmao.config.encoder import AnyEncoder
from lmao.corpus.corpus import Corpus
from lmao.engine.parameters import Floats, Parameters
from lmao.engine.team import Team
from lmao.textcat.classifier import classifier_on
from lmao.textcat.combination import product
from lmao.textcat.ngram_weights import NgramWeights
from lmao.textcat.vector_weights import SubwordWeights
from lmao.vectors.lookup import TypeVectors, WordTable, look_up, of_types
from lmao.vectors.table import StaticVectors


@dataclass(frozen=True)
class EncoderWeights:
    """A classifier on the encoder; weights lie on the host."""

    settings: AnyEncoder
    weights: Parameters

    def predict(self, vectors: TypeVectors, numbers: NDArray[np.int64], team: Team) -> Floats:
        """Probabilities (documents, classes) of documents of the corpus that the vectors are of."""
        classifier = classifier_on(self.settings, vectors, self.classes, team.device)
        return classifier.predict(self.weights, numbers, team)

    @property
    def classes(self) -> int:
        return self.weights.shapes["softmax.b"][0]


AnyArm = NgramWeights | SubwordWeights | EncoderWeights
Share = tuple[float, AnyArm]  # the weight of an arm's log-probabilities, see `combination.product`


@dataclass(frozen=True)
class Chosen:
    """What a run chose. table: that of the vectors, if there is one; shares: of several arms, or of one, all of it."""

    language: str
    labels: Sequence[str]
    table: WordTable | None
    shares: Sequence[Share]

    @property
    def needs_table(self) -> bool:
        return any(not isinstance(arm, NgramWeights) for _, arm in self.shares)

    @property
    def encodes(self) -> bool:
        """Whether texts go through the encoder, which takes longer than to read them."""
        return any(isinstance(arm, EncoderWeights) for _, arm in self.shares)

    def in_memory(self) -> "Chosen":
        """The same without a file that it depends on."""
        table = self.table if self.needs_table else None
        return replace(self, table=table.in_memory() if isinstance(table, StaticVectors) else table)

    def predict(self, corpus: Corpus, team: Team) -> Floats:
        """Probabilities (documents, classes) of all documents of a corpus."""
        numbers, vectors = np.arange(len(corpus.offsets) - 1), look_up(corpus, None)
        if self.table is not None:
            vectors = TypeVectors(corpus, None, *of_types(corpus, self.table))
        found = []
        for _, arm in self.shares:
            match arm:
                case NgramWeights():
                    found.append(arm.predict(corpus, numbers))
                case SubwordWeights():
                    found.append(arm.predict(vectors, numbers))
                case EncoderWeights():
                    found.append(arm.predict(vectors, numbers, team))
        if len(found) == 1 and self.shares[0][0] == 1:
            return found[0]
        return product([weight for weight, _ in self.shares], found)
