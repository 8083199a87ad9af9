"""The setting of the measurements: IMDB's 100,000 reviews, the reference model, random vectors as input and target."""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from hydra import compose, initialize_config_dir
from numpy.typing import NDArray

from lmao import cli
from lmao.cache import Cache, open_cache
from lmao.config.run import Config
from lmao.config.validation import validate
from lmao.corpus.batches import Segments, batches, documents
from lmao.corpus.corpus import Corpus
from lmao.corpus.encoding import encode
from lmao.corpus.selection import Selection
from lmao.data.source import open_source
from lmao.encoder.encoder import TypeTable
from lmao.encoder.opening import open_encoder
from lmao.engine.parameters import Floats
from lmao.engine.team import Team, available_threads
from lmao.objectives.opening import TargetSources, open_tasks
from lmao.paths import CONF
from lmao.pretrain.loop import Pretraining
from lmao.pretrain.model import PretrainModel
from lmao.pretrain.texts import PretrainTexts

DIMS = 300
VECTORS = 50_000  # rows; the words share them, so that the table is the same for every corpus
LONGEST = 500  # words a text: `spacy pretrain` takes no longer ones
BATCH_WORDS = 3000
REFERENCE = (
    "data=imdb",
    "data.unsupervised=true",
    "+recipe=words",
    "textcat=cnn",
    "pretrain.mask_rate=0.15",
    "pretrain.dropout=0",
    "pretrain.vector_dropout=0",
    f"pretrain.batch_words={BATCH_WORDS}",
    f"pretrain.window_words={LONGEST}",
    "tracking=off",
)


@dataclass(frozen=True)
class Bench:
    settings: Config
    cache: Cache
    corpus: Corpus
    types: TypeTable
    word_rows: NDArray[np.int32]  # (words,): the row of each word's vector

    @property
    def vectors(self) -> Floats:
        return self.types.vectors

    def pretraining(self, settings: Config, numbers: NDArray[np.int64]) -> Pretraining:
        """A new pre-training on some documents, perhaps with other settings of the model."""
        encoder = open_encoder(settings.encoder, self.vectors.shape[1])
        selection = Selection(self.corpus, numbers)
        sources = TargetSources(
            selection,
            self.types.vector_rows,
            self.vectors,
            text_vectors=lambda of: RandomTexts(),
            heads={None: np.full(len(self.corpus.tokens), -1, dtype=np.int32)},  # the previous word
        )
        tasks, predictable = open_tasks(settings.parts, sources, encoder)
        texts = PretrainTexts(settings.pretrain, selection, predictable, encoder.gap, settings.seed)
        return Pretraining(settings.pretrain, PretrainModel(encoder, self.types, tasks), texts)

    def batches(self, numbers: NDArray[np.int64], count: int) -> list[Segments]:
        """The first batches of some documents, each cut to LONGEST words."""
        segments = documents(self.corpus, numbers)
        segments = Segments(
            segments.begins, np.minimum(segments.lengths, LONGEST), np.minimum(segments.lengths, LONGEST)
        )
        return [segments[which] for which in batches(segments.lengths, BATCH_WORDS)[:count]]


class RandomTexts:
    """In place of vectors composed from n-grams, which a random table lacks."""

    dims = 96

    def __init__(self) -> None:
        self._vectors = random_vectors(VECTORS, self.dims)

    def __call__(self, begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> Floats:
        return self._vectors[begins % VECTORS]


def settings_of(data: str | None, *overrides: str) -> Config:
    path = [] if data is None else [f"data.path={data}"]
    with initialize_config_dir(config_dir=str(CONF)):
        return validate(cli.plain(compose("config", [*REFERENCE, *path, *overrides])))


def open_bench(settings: Config) -> Bench:
    """The encoded corpus is cached as train.py caches it."""
    cache = open_cache(settings.cache_dir, print)
    source = open_source(settings.data, cache.root)
    corpus, _ = encode(source, settings.data.language, cache, available_threads(), lambda words: None)
    vectors = random_vectors(VECTORS + 1, DIMS)
    vectors[-1] = 0
    word_rows = (np.arange(len(corpus.words)) % VECTORS).astype(np.int32)
    word_rows[corpus.type_words[0]] = -1  # [MASK]
    hashed = open_encoder(settings.encoder, DIMS).hash_rows(corpus.types)
    types = TypeTable(hashed, word_rows[corpus.type_words], vectors)
    return Bench(settings, cache, corpus, types, word_rows)


def random_vectors(rows: int, dims: int) -> Floats:
    return np.random.default_rng(0).standard_normal((rows, dims), dtype=np.float32)


def words_per_second(pretraining: Pretraining, team: Team, steps: Sequence[Segments], repeats: int = 1) -> float:
    """The speed of updates on the batches in turn, after a round to warm up."""
    gradients = team.gradients(pretraining.optimizer.weights.flat.size)
    for number, step in enumerate(steps):
        pretraining.update(step, 1, number, team, gradients)
    began = perf_counter()
    for number in range(repeats * len(steps)):
        pretraining.update(steps[number % len(steps)], 1, number, team, gradients)
    return repeats * sum(int(step.lengths.sum()) for step in steps) / (perf_counter() - began)
