"""What others print for the same sets: their figures, read from their tables, not measured here."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    set: str
    labels: str
    model: str
    accuracy: str  # in percent
    protocol: str


MODEL2VEC = "MinishLab's published table: labels drawn from the training set, original test set"
USB = "USB (Wang et al. 2022): BERT-base, 110 M numbers, a GPU; the rest of the training set as raw text"

PUBLISHED: Sequence[Figure] = (
    Figure("agnews", "1,000", "TF-IDF", "81.7", MODEL2VEC),
    Figure("agnews", "1,000", "model2vec", "86.7 - 87.2", MODEL2VEC),
    Figure("agnews", "1,000", "SetFit, MiniLM", "88.0", MODEL2VEC),
    Figure("agnews", "40", "BERT-base, supervised", "84.9", USB),
    Figure("agnews", "200", "BERT-base, supervised", "85.8", USB),
    Figure("agnews", "40", "BERT-base, best semi-supervised", "88.3", USB),
    Figure("agnews", "200", "BERT-base, best semi-supervised", "89.3", USB),
    Figure("imdb", "1,000", "TF-IDF", "80.4", MODEL2VEC),
    Figure("imdb", "1,000", "model2vec", "85.3 - 85.6", MODEL2VEC),
    Figure("imdb", "1,000", "SetFit, MiniLM", "86.0", MODEL2VEC),
    Figure("imdb", "20", "BERT-base, supervised", "79.7", USB),
    Figure("imdb", "100", "BERT-base, supervised", "86.0", USB),
    Figure("imdb", "20", "BERT-base, best semi-supervised", "92.6", USB),
    Figure("imdb", "100", "BERT-base, best semi-supervised", "92.9", USB),
)
