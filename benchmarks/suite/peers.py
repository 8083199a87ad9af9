"""What else runs offline: a draw's texts and labels come in, a classifier goes out, tuned on the training labels."""

import pickle
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import floret
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import normalize

from benchmarks.suite.cells import Cell
from benchmarks.suite.draws import Draw, Labelled
from benchmarks.suite.ours import short
from benchmarks.suite.records import Record
from benchmarks.suite.spacy_peers import train_spacy
from lmao.run.code import commit
from lmao.run.scores import score

Labels = NDArray[np.integer]
Predict = Callable[[Sequence[str]], Labels]

FOLDS = 5
STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
DIMS = (100, 300)
FASTTEXT = {"lr": 0.5, "dim": 100, "bucket": 100_000, "minCount": 1, "minn": 0, "maxn": 0, "thread": 1, "verbose": 0}
EPOCHS, WORDS = (25, 100), (1, 2)


@dataclass(frozen=True)
class Peer:
    """A trained classifier; extra_seconds: of what was taken over from an earlier draw."""

    predict: Predict
    megabytes: float
    extra_seconds: float = 0.0


def measure(cell: Cell, draw: Draw) -> Record:
    """Train a cell's peer on a draw, and judge it."""
    train = TRAIN[cell.model]
    began = perf_counter()
    with warnings.catch_warnings():  # weak penalties that don't converge, classes that are rarer than there are folds
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        peer = train(draw, cell.seed)
    seconds = perf_counter() - began + peer.extra_seconds

    def judge(part: Labelled | None) -> tuple[float | None, float | None, int | None]:
        if part is None:
            return None, None, None
        found = score(np.eye(draw.classes, dtype=np.float32)[peer.predict(part.texts)], part.labels)
        return found.accuracy, found.macro_f, found.examples

    dev, test = judge(draw.dev), judge(draw.test)
    assert dev[0] is not None and dev[2] is not None
    return Record(
        cell.set, cell.labels, cell.seed, "peer", cell.model, dev_accuracy=dev[0], dev_macro_f=dev[1],
        test_accuracy=test[0], test_macro_f=test[1], cross_validated=None, share=None, seconds=seconds,
        megabytes=peer.megabytes, dev_examples=dev[2], test_examples=test[2], code=short(commit()),
    )  # fmt: skip


def train_tfidf(draw: Draw, seed: int) -> Peer:
    """1- or 1-2-grams, and C, by cross-validation."""
    steps = [("tfidf", TfidfVectorizer(sublinear_tf=True)), ("lr", LogisticRegression(max_iter=1000))]
    grid = {"tfidf__ngram_range": [(1, 1), (1, 2)], "lr__C": list(STRENGTHS)}
    labels = draw.train.labels
    found = GridSearchCV(Pipeline(steps), grid, cv=_folds(labels, seed)).fit(draw.train.texts, labels)
    best = found.best_estimator_
    return Peer(best.predict, len(pickle.dumps(best)) / 1e6)


def train_lsa(draw: Draw, seed: int) -> Peer:
    """TF-IDF and its decomposition of all raw texts; 100 or 300 dimensions, and C, by cross-validation."""
    if _Decomposed.raw is not draw.raw and _Decomposed.raw != draw.raw:
        _Decomposed.learn(draw.raw)
    features, labels = _Decomposed.map(draw.train.texts), draw.train.labels
    tried = {}
    for dims in sorted({min(dims, features.shape[1]) for dims in DIMS}):
        grid = {"C": list(STRENGTHS)}
        folds = _folds(labels, seed)
        found = GridSearchCV(LogisticRegression(max_iter=1000), grid, cv=folds).fit(
            normalize(features[:, :dims]), labels
        )
        tried[dims] = found
    dims = max(tried, key=lambda one: float(tried[one].best_score_))
    best = tried[dims].best_estimator_
    return Peer(
        lambda texts: np.asarray(best.predict(normalize(_Decomposed.map(texts)[:, :dims]))),
        len(pickle.dumps((_Decomposed.tfidf, _Decomposed.svd, best))) / 1e6,
        _Decomposed.seconds,
    )


class _Decomposed:
    """Of the set that was decomposed last: no label is used, so all draws of it may share it."""

    raw: Sequence[str] | None = None
    seconds = 0.0
    tfidf: TfidfVectorizer
    svd: TruncatedSVD

    @classmethod
    def learn(cls, raw: Sequence[str]) -> None:
        began = perf_counter()
        cls.tfidf = TfidfVectorizer(sublinear_tf=True, min_df=2)
        matrix = cls.tfidf.fit_transform(raw)
        cls.svd = TruncatedSVD(min(max(DIMS), matrix.shape[1] - 1), random_state=0).fit(matrix)
        cls.raw, cls.seconds = raw, perf_counter() - began

    @classmethod
    def map(cls, texts: Sequence[str]) -> NDArray[np.floating]:
        return np.asarray(cls.svd.transform(cls.tfidf.transform(texts)))


def train_fasttext(draw: Draw, seed: int) -> Peer:
    """fastText's supervised mode; epochs, and words alone or pairs, too, by cross-validation."""
    lines, labels = [_line(text) for text in draw.train.texts], draw.train.labels

    def fit(places: NDArray[np.integer], setting: tuple[int, int]) -> Any:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "train.txt"
            file.write_text("".join(f"__label__{labels[i]} {lines[i]}\n" for i in places), encoding="utf-8")
            epochs, words = setting
            return floret.train_supervised(str(file), epoch=epochs, wordNgrams=words, **FASTTEXT)

    def predict(model: Any, some: Sequence[str]) -> Labels:
        return np.array([int(found[0].removeprefix("__label__")) for found in model.predict(list(some))[0]])

    def right(setting: tuple[int, int]) -> float:
        hits = 0
        for rest, held in _folds(labels, seed).split(lines, labels):
            hits += int((predict(fit(rest, setting), [lines[i] for i in held]) == labels[held]).sum())
        return hits

    model = fit(np.arange(len(lines)), max(product(EPOCHS, WORDS), key=right))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.bin"
        model.save_model(str(file))
        megabytes = file.stat().st_size / 1e6
    return Peer(lambda texts: predict(model, [_line(text) for text in texts]), megabytes)


def _line(text: str) -> str:
    """As fastText's authors prepare text: lower case, punctuation apart, one line."""
    return " ".join(re.findall(r"\w+|[^\w\s]", text.lower())) or "."


def _folds(labels: Labels, seed: int) -> Any:
    """Stratified, unless no label has two examples."""
    most = int(np.bincount(labels).max())
    if most < 2:
        return KFold(min(FOLDS, len(labels)), shuffle=True, random_state=seed)
    return StratifiedKFold(min(FOLDS, most), shuffle=True, random_state=seed)


def _spacy(kind: str) -> Callable[[Draw, int], Peer]:
    def train(draw: Draw, seed: int) -> Peer:
        return Peer(*train_spacy(kind, draw.train, seed))

    return train


TRAIN: Mapping[str, Callable[[Draw, int], Peer]] = {
    "TF-IDF + LR": train_tfidf,
    "LSA + LR": train_lsa,
    "fastText": train_fasttext,
    "spaCy BOW": _spacy("BOW"),
    "spaCy CNN": _spacy("CNN"),
}
