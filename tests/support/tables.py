"""Vectors loaded through a cache of their own, for the tests of lmao.vectors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from lmao.cache import Cache
from lmao.config.vectors import AnyTable
from lmao.vectors.floret_training import TrainingTexts
from lmao.vectors.loading import load_vectors
from lmao.vectors.table import StaticVectors

SENTENCES = [
    "the film was good and the cast was good",
    "the film was bad and __label__x was late",
    "a good cast in a bad film __label__x",
    "naïve rare1 rare2 films are bad",
]


class Loader:
    """`load(settings)`, with a cache in a folder."""

    def __init__(self, folder: Path) -> None:
        self._cache = Cache(folder / "cache", print)

    def __call__(
        self,
        settings: dict[str, Any],
        sentences: list[str] = SENTENCES,
        say: Callable[[str], None] = lambda line: None,
    ) -> StaticVectors:
        ids = {word: i for i, word in enumerate(sorted({word for line in sentences for word in line.split()}))}
        documents = [np.array([ids[word] for word in line.split()], np.int32) for line in sentences]
        texts = TrainingTexts({"sentences": sentences}, list(ids), lambda: iter(documents))
        config = TypeAdapter[Any](AnyTable).validate_python(settings)
        vectors = load_vectors(config, self._cache, texts, say)
        assert vectors is not None
        return vectors


def gathered(vectors: StaticVectors, words: list[str]) -> NDArray[np.float32]:
    rows, table = vectors.look_up(words)
    assert rows.dtype == np.int32 and table.dtype == np.float32
    assert (rows >= 0).all()
    return table[rows]
