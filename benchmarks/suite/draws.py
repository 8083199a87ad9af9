"""The texts and labels of a draw, the same that `python train.py` has with these settings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hydra import compose, initialize_config_dir
from numpy.typing import NDArray

from lmao import cli
from lmao.cache import open_cache
from lmao.config.run import Config
from lmao.config.validation import validate
from lmao.corpus.encoding import encode
from lmao.data.document import Part
from lmao.data.source import open_source
from lmao.data.splits import Examples, split
from lmao.paths import CONF
from lmao.streams import stream


@dataclass(frozen=True)
class Labelled:
    texts: Sequence[str]
    labels: NDArray[np.int32]  # (texts,)


@dataclass(frozen=True)
class Draw:
    """raw: all texts that may be read without labels; test: None where its labels may not be read yet."""

    train: Labelled
    dev: Labelled
    test: Labelled | None
    raw: Sequence[str]
    classes: int


def compose_settings(overrides: Sequence[str]) -> Config:
    with initialize_config_dir(config_dir=str(CONF)):
        return validate(cli.plain(compose("config", list(overrides))))


def draw(settings: Config) -> Draw:
    """Raises UserError as a run does."""
    cache = open_cache(settings.cache_dir, print)
    source = open_source(settings.data, cache.root)
    corpus, _ = encode(source, settings.data.language, cache, threads=1, advance=lambda words: None)
    labels = corpus.labels
    if settings.evaluate_test:
        labels = np.where(corpus.parts == Part.TEST, corpus.test_labels(), labels)
    names, subset = corpus.label_names, stream(settings.seed, "subset")
    splits = split(settings.data, corpus.parts, labels, corpus.copies, names, subset, settings.evaluate_test)
    texts = _texts(settings.data.model_dump_json(include={"name", "path", "dev_path", "test_path"}), settings)

    def of(examples: Examples) -> Labelled:
        return Labelled([texts[number] for number in examples.documents], examples.labels)

    raw = [texts[number] for number in splits.pretrain]
    test = None if splits.test is None else of(splits.test)
    return Draw(of(splits.train), of(splits.dev), test, raw, len(names))


class _Kept:
    """The texts of the set that was read last: a hundred draws of it come in a row."""

    key: str | None = None
    texts: Sequence[str] = ()


def _texts(key: str, settings: Config) -> Sequence[str]:
    if _Kept.key != key:
        source = open_source(settings.data, open_cache(settings.cache_dir, print).root)
        _Kept.key, _Kept.texts = key, [document.text for document in source.documents()]
    return _Kept.texts
