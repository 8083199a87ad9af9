"""Latent semantic analysis (Deerwester et al. 1990): all texts' word ids come in, a dense row a text goes out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import normalize

from lmao.corpus.ngrams import Ids, Integers
from lmao.engine.parameters import Floats
from lmao.errors import UserError
from lmao.streams import stream
from lmao.textcat.folds import Cuts, Labels
from lmao.textcat.ngram_features import NgramVocabulary
from lmao.textcat.ngram_weights import Lexicon, NgramWeights, against_first
from lmao.textcat.probe import Probe, fit_probe

DIMS = (100, 300)  # of one decomposition: the first hundred are the decomposition into a hundred
TEXTS = 20_000  # the decomposition is of so many at most; the others are mapped
MIN_COUNT = 2  # texts that a word must be in: what is in one alone is of no use to another
ITERATIONS = 4  # of the randomised decomposition (Halko et al. 2011)
CHUNK = 4096  # texts mapped at once: bounds memory


class Lsa:
    """unit(V.T @ tfidf(text)): V (words, dims) are the right singular vectors of the texts' TF-IDF matrix.

    TF-IDF has 1 + log(count), scikit-learn's smooth inverse document frequency, and rows of length 1. No label is
    used, so features of all texts may be made once, before any fold is cut.
    """

    def __init__(self, texts: Sequence[Ids], seed: int) -> None:
        """Learn from texts, labelled or not, at most `TEXTS` of them.

        Raises:
            UserError: fewer than two words are in two texts.
        """
        random = stream(seed, "lsa")
        some = texts if len(texts) <= TEXTS else [texts[i] for i in np.sort(random.permutation(len(texts))[:TEXTS])]
        self._vocabulary = NgramVocabulary.build(some, 1, MIN_COUNT)
        words = len(self._vocabulary.words)
        if min(words, len(some)) < 2:
            raise UserError(
                f"fewer than two words are in {MIN_COUNT} texts", setting="textcat.features=lsa", advice="give more"
            )
        self._tfidf = TfidfTransformer(sublinear_tf=True)
        dims = max(1, min(max(DIMS), words - 1, len(some) - 1))
        self._svd = TruncatedSVD(dims, n_iter=ITERATIONS, random_state=int(random.integers(1 << 32)))
        self._svd.fit(self._tfidf.fit_transform(self._vocabulary.counts(some)))
        self.shape = words, dims

    def __call__(self, texts: Sequence[Ids]) -> Floats:
        """(texts, dims) float32, not at length 1: see `leading`."""
        blocks = [self._map(texts[i : i + CHUNK]) for i in range(0, len(texts), CHUNK)]
        return np.concatenate(blocks) if blocks else np.zeros((0, self.shape[1]), np.float32)

    def projection(self, dims: int) -> tuple[Integers, Floats]:
        """The ids of its words, and what 1 + log(count) of each is multiplied by for the first dims, (words, dims)."""
        return self._vocabulary.words, np.asarray(
            self._tfidf.idf_[:, None] * self._svd.components_[:dims].T, np.float32
        )

    def _map(self, texts: Sequence[Ids]) -> Floats:
        mapped = self._svd.transform(self._tfidf.transform(self._vocabulary.counts(texts)))
        return np.asarray(mapped, np.float32)


def leading(features: Floats, dims: int) -> Floats:
    """The first dims of features (texts, more), rows at length 1; a text without a known word stays zero."""
    return np.asarray(normalize(features[:, :dims]), np.float32)


@dataclass(frozen=True)
class LsaClassifier:
    """A probe on the leading dimensions of a decomposition."""

    lsa: Lsa
    dims: int
    probe: Probe

    def predict(self, texts: Sequence[Ids]) -> Floats:
        """(texts, classes) probabilities."""
        return self.probe.predict(leading(self.lsa(texts), self.dims))

    def weights(self, words: Sequence[str]) -> NgramWeights:
        """What it has learned, to be saved. words: the texts' lower-cased forms, by their ids.

        Scaling to length 1 comes after the projection, so no weight a word has the same scores: it is kept.
        """
        chosen, projection = self.lsa.projection(self.dims)
        lexicon = Lexicon([words[word] for word in chosen], np.arange(len(chosen), dtype=np.int32), [])
        W, b = against_first(self.probe.W, self.probe.b)
        return NgramWeights(lexicon, "log counts", "projection", W, b, projection, None, len(self.probe.b))


def fit_lsa(
    texts: Sequence[Ids], examples: Sequence[Ids], labels: Labels, classes: int, seed: int, cuts: Cuts
) -> LsaClassifier:
    """The decomposition of all texts, and the probe on as many of its dimensions as have the lowest cross-validated
    log-loss.

    Raises:
        UserError: fewer than two words are in two texts.
    """
    lsa = Lsa(texts, seed)
    mapped = lsa(examples)
    tried = [
        LsaClassifier(lsa, dims, fit_probe(leading(mapped, dims), labels, classes, cuts))
        for dims in sorted({min(dims, lsa.shape[1]) for dims in DIMS})
    ]
    return min(tried, key=lambda one: one.probe.held_out.loss)
