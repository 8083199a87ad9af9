"""A classifier over the shortest real texts, and its fine-tuning."""

from dataclasses import dataclass

import numpy as np

from lmao.config.run import Config
from lmao.corpus.corpus import Corpus
from lmao.data.splits import Examples
from lmao.encoder.encoder import TypeTable
from lmao.encoder.opening import open_encoder
from lmao.engine.parameters import Floats, Parameters
from lmao.engine.team import Team
from lmao.textcat.classifier import Classifier, initial_weights
from lmao.textcat.finetuning import Epoch, FineTuning

DIMS = 20


def ignore(examples: float, **figures: float) -> None:
    pass


@dataclass(frozen=True)
class Tuned:
    epochs: list[Epoch]
    averages: list[Floats]  # after each epoch
    tuning: FineTuning


class Bench:
    """A classifier over the shortest real texts, and their labels."""

    def __init__(self, settings: Config, corpus: Corpus) -> None:
        table = np.random.default_rng(0).normal(size=(len(corpus.words) + 1, DIMS)).astype(np.float32)
        table[-1] = 0
        rows = np.where(corpus.type_is_space, -1, corpus.type_words).astype(np.int32)
        self.corpus = corpus
        self.encoder = open_encoder(settings.encoder, DIMS)
        types = TypeTable(self.encoder.hash_rows(corpus.types), rows, table)
        self.classifier = Classifier(self.encoder, types, corpus, 2)
        labelled = np.flatnonzero(corpus.labels >= 0)
        short = labelled[np.argsort(np.diff(corpus.offsets)[labelled], kind="stable")][:80]
        short = np.random.default_rng(1).permutation(short)
        self.train, self.dev = (Examples(part, corpus.labels[part]) for part in (short[:40], short[40:]))

    def open(
        self, settings: Config, weights: Parameters | None = None, train: Examples | None = None,
        rate: float | None = None,
    ) -> FineTuning:  # fmt: skip
        assert settings.textcat.name == "cnn"
        if weights is None:
            weights = initial_weights(self.classifier, None, settings.seed)[0]
        train = self.train if train is None else train
        return FineTuning(
            settings.textcat, settings.optimizer, self.classifier, weights, train, self.dev, settings.seed, rate
        )

    def tune(self, settings: Config, weights: Parameters | None = None, threads: int = 1) -> Tuned:
        tuning = self.open(settings, weights)
        epochs, averages = [], []
        with Team(threads) as team:
            for epoch in tuning.run(team, ignore):
                epochs.append(epoch)
                averages.append(tuning._optimizer.averages().flat)
        return Tuned(epochs, averages, tuning)
