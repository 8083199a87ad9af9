"""Which of a user's texts to label next: a run's classifier and texts come in, some of the texts go out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lmao.corpus.reading import TextReader
from lmao.engine.parameters import Floats
from lmao.errors import UserError
from lmao.streams import stream
from lmao.textcat.folds import Numbers
from lmao.textcat.lsa import DIMS, Lsa, leading
from lmao.textcat.selection import choose
from lmao.trained.loaded import LoadedClassifier

SAMPLE = 5000  # texts that say which words go together


@dataclass(frozen=True)
class Suggestion:
    """place: among the texts; label and score: what the classifier says of it."""

    place: int
    label: str
    score: float


def suggestions(
    classifier: LoadedClassifier, texts: Sequence[str], wanted: int, seed: int, advance: Callable[[float], None]
) -> list[Suggestion]:
    """So many of the texts, all of them where there are fewer, see `choose`; advance hears of those classified."""
    parts = []
    for part in classifier.stream(texts):
        parts.append(part)
        advance(len(part))
    scores = np.concatenate(parts)

    def features_of(candidates: Numbers) -> Floats:
        return text_features(classifier.language, texts, candidates, seed)

    places = choose(scores, features_of, min(wanted, len(texts)), seed)
    return [
        Suggestion(int(at), str(classifier.classes_[scores[at].argmax()]), float(scores[at].max())) for at in places
    ]


def text_features(language: str, texts: Sequence[str], places: Numbers, seed: int) -> Floats:
    """(places, dims): rows that are alike where texts are, by latent semantic analysis; it needs no label."""
    sample = stream(seed, "texts").permutation(len(texts))[:SAMPLE]
    read = np.union1d(places, sample)
    corpus = TextReader(language)([texts[at] for at in read])
    words = [corpus.word_ids(number) for number in range(len(read))]
    try:
        lsa = Lsa(words, seed)
    except UserError:  # hardly a word comes twice: no text is like another
        return np.eye(len(places), dtype=np.float32)
    return leading(lsa([words[at] for at in np.searchsorted(read, places)]), DIMS[0])
