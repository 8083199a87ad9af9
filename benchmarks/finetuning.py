"""Fine-tuning on whole reviews: neighbouring rows computed together, against row by row, turn by turn."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from unittest.mock import patch

import numpy as np

from benchmarks.setting import Bench
from benchmarks.table import Table, spread
from lmao.config.textcat import EncoderTextcat
from lmao.data.splits import Examples
from lmao.encoder.cnn import Cnn
from lmao.encoder.opening import open_encoder
from lmao.engine.initialization import initialize
from lmao.engine.team import Team
from lmao.textcat.classifier import Classifier
from lmao.textcat.finetuning import FineTuning

EXAMPLES, JUDGES = 200, 400


def finetuning(bench: Bench, threads: int, rounds: int) -> Table:
    together, apart, judged = [], [], []
    with Team(threads) as team:
        tuning, words = _tuning(bench)

        epochs = itertools.count(1)

        def learn() -> float:
            return tuning.epoch(next(epochs), team, _tell)

        learn()
        for _ in range(rounds):
            with _row_by_row():
                apart.append(EXAMPLES / _seconds(learn))
            together.append(EXAMPLES / _seconds(learn))
            judged.append(JUDGES / _seconds(lambda: tuning.accuracy(team, _tell)))
    ratios = [own / other for own, other in zip(together, apart, strict=True)]
    rows = [
        ["learn, row by row", spread(apart), "1"],
        ["learn, rows together", spread(together), spread(ratios, 2)],
        ["judge", spread(judged), ""],
    ]
    note = (
        f"{threads} thread{'s' * (threads > 1)}, {rounds} rounds in turn; median (least – greatest). A round is an "
        f"epoch on {EXAMPLES} reviews of {words / EXAMPLES:.0f} words, {tuning.settings.batch_size} a batch, and "
        f"{JUDGES} more to judge it by."
    )
    return Table("Fine-tuning", note, ["", "reviews/s", "times row by row"], rows)


def _tuning(bench: Bench) -> tuple[FineTuning, int]:
    settings, corpus = bench.settings, bench.corpus
    assert isinstance(settings.textcat, EncoderTextcat)
    encoder, classes = open_encoder(settings.encoder, bench.vectors.shape[1]), len(corpus.label_names)
    classifier = Classifier(encoder, bench.types, corpus, classes)
    numbers = np.random.default_rng(0).permutation(np.flatnonzero(corpus.labels >= 0))
    train, dev = (
        Examples(chosen, corpus.labels[chosen])
        for chosen in (numbers[:EXAMPLES], numbers[EXAMPLES : EXAMPLES + JUDGES])
    )
    weights = initialize(classifier.shapes, 0)
    tuning = FineTuning(settings.textcat, settings.optimizer, classifier, weights, train, dev, 0)
    return tuning, corpus.count(train.documents)


def _seconds(work: Callable[[], float]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _tell(*done: float, **figures: float) -> None:
    """Nobody listens."""


@contextmanager
def _row_by_row() -> Iterator[None]:
    with patch.object(Cnn, "_computes_all", lambda *arguments: False):
        yield
