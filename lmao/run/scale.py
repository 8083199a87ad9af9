"""Settings that are left to the corpus (null): its words and texts come in, a config whose values are all set goes out.

The rules were found on texts of 10 to 270 words, from 0.3 to 27 million of them in all. Below this station no
setting is open, so that caches and studies know a run by the values, whether they were typed or not.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any, TypeVar

from lmao.config.fields import Section
from lmao.config.objective import DocumentObjective
from lmao.config.run import Config, flat
from lmao.config.vectors import DocumentVectors

Settings = TypeVar("Settings", bound=Section)

OPEN = {
    *(f"{table}.{name}" for table in ("vectors", "vectors.target") for name in ("epochs", "ngrams", "min_count")),
    "pretrain.epochs",
    "pretrain.window_words",
}
VECTOR_WORDS = 30e6  # in all epochs together: a short text's vector needs many passes to be moved often enough
VECTOR_EPOCHS = (10, 160)
FEW_WORDS = 3e6  # where n-grams that occur twice are worth a row, and those of three words are not
PRETRAIN_WORDS = 3e6  # in all epochs together: more gained a point at the most
PRETRAIN_EPOCHS = (1, 20)
WINDOW = (5, 12)  # words, a third of a text: the less of it is read, the harder to tell the whole
OWN_WINDOW = 50  # words, where a window predicts its own vector


def scaled(settings: Config, texts: int, words: int) -> Config:
    """texts, words: of those that vectors are trained on, and the encoder is pre-trained on."""
    words = max(1, words)
    an_epoch = min(words, settings.pretrain.epoch_words or words)
    pretrain = _set_open(
        settings.pretrain,
        epochs=_within(ceil(PRETRAIN_WORDS / an_epoch), PRETRAIN_EPOCHS),
        window_words=_window(settings, words / max(1, texts)),
    )
    tables = {
        name: _set_open(
            table,
            epochs=_within(ceil(VECTOR_WORDS / words), VECTOR_EPOCHS),
            ngrams=2 if words < FEW_WORDS else 3,
            min_count=2 if words < FEW_WORDS else 5,
        )
        for name, table in (("vectors", settings.vectors), ("target", settings.target))
        if isinstance(table, DocumentVectors)
    }
    return settings.model_copy(update={"pretrain": pretrain, **tables})


def closed(settings: Config) -> dict[str, Any]:
    """The settings, named as on the command line, but those that the corpus has yet to decide."""
    return {name: value for name, value in flat(settings.keys()).items() if value is not None or name not in OPEN}


def decided(before: Config, after: Config) -> Mapping[str, int]:
    """What the corpus has decided, by setting."""
    values, known = flat(after.keys()), closed(before)
    return {name: values[name] for name in values if name in OPEN and name not in known}


def used(settings: Config, values: Mapping[str, int]) -> Mapping[str, int]:
    """Those of the values that matter to the run."""
    sections = {*settings.tables, *(["pretrain"] if settings.pretrains else [])}
    return {name: value for name, value in values.items() if name.rpartition(".")[0] in sections}


def _window(settings: Config, mean: float) -> int:
    """mean: words a text."""
    own = any(isinstance(part, DocumentObjective) and part.predict == "window" for part, _ in settings.parts.values())
    return OWN_WINDOW if own else _within(round(mean / 3), WINDOW)


def _within(value: int, ends: tuple[int, int]) -> int:
    return min(max(value, ends[0]), ends[1])


def _set_open(section: Settings, **values: int) -> Settings:
    return section.model_copy(update={name: value for name, value in values.items() if getattr(section, name) is None})
