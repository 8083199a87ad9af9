"""`lmao.TextClassifier`: texts and labels that a program has come in, a scikit-learn classifier goes out."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
from hydra.errors import HydraException
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from lmao.config.composing import composed
from lmao.config.overrides import quote
from lmao.config.run import Config
from lmao.console import Console
from lmao.data.memory import MemorySource
from lmao.engine.parameters import Floats
from lmao.errors import Unavailable, UserError
from lmao.explain import explain
from lmao.run.experiment import training
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial
from lmao.trained.chosen import Chosen
from lmao.trained.loaded import LoadedClassifier, no_text, no_texts

FIXED = ("data=memory", "tracking=off", "tracking.keep_models=none")
ELSEWHERE = {
    "data": "texts and labels are given to fit",
    "seed": "here it is random_state",
    "tracking": "nothing is recorded here",
}
ADDED = ("experiment", "recipe")  # groups of which none is chosen unless it is asked for
OWN = ("random_state", "verbose")


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A run of lmao as a scikit-learn classifier of texts.

    Each setting of the command line is a keyword here, with two underscores for the dot:
    `TextClassifier(textcat="cnn", pretrain__epochs=2)` is `textcat=cnn pretrain.epochs=2`. All labels are trained on.

    random_state: the seed. With a number the same texts and settings give the same classifier; None draws one.
    verbose: print what a run prints.

    After `fit`: classes_ (classes,), the labels as they were given, ascending.
    """

    def __init__(self, *, random_state: Any = 0, verbose: bool = False, **settings: Any) -> None:
        self.random_state = random_state
        self.verbose = verbose
        self.settings = settings

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All that was given to the constructor, and its defaults."""
        return {"random_state": self.random_state, "verbose": self.verbose, **self.settings}

    def set_params(self, **params: Any) -> Self:
        """Change some of what was given to the constructor."""
        for name in OWN:
            if name in params:
                setattr(self, name, params.pop(name))
        self.settings = self.settings | params
        return self

    def fit(self, X: Iterable[str], y: Iterable[Any], unlabelled: Iterable[str] | None = None) -> Self:
        """Train on texts X (n,) and their labels y (n,).

        unlabelled: more texts (m,), to pre-train on. X is pre-trained on in any case.

        Raises:
            ValueError: something about the texts, the labels or the settings.
        """
        texts = _texts("X", X)
        labels = column_or_1d(y, warn=True)
        check_consistent_length(texts, labels)
        _require_labels(np.asarray(y, dtype=object).ravel())  # as given: among strings NumPy makes NaN one, too
        check_classification_targets(labels)
        classes, numbers = np.unique(labels, return_inverse=True)
        names = _names(classes)
        raw = [] if unlabelled is None else _texts("unlabelled", unlabelled)
        source = MemorySource(texts, [names[number] for number in numbers], raw)
        with _value_errors():
            settings = composed([*FIXED, *self._overrides()])
            chosen = _train(settings, source, Console() if self.verbose else _Quiet())
        self.classes_ = classes
        self._classifier = LoadedClassifier(chosen.in_memory(), settings.threads)
        self._columns = np.searchsorted(chosen.labels, names)
        return self

    def predict(self, X: Iterable[str]) -> NDArray[Any]:
        """The label (n,) of each text; on a tie the first."""
        probabilities = self.predict_proba(X)
        labels: NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def predict_proba(self, X: Iterable[str]) -> Floats:
        """Probabilities (n, classes), in the order of classes_."""
        check_is_fitted(self, "classes_")
        probabilities: Floats = self._classifier.predict_proba(_texts("X", X))[:, self._columns]
        return probabilities

    def _overrides(self) -> Iterator[str]:
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        yield f"seed={seed}"
        for name, value in self.settings.items():
            setting = name.replace("__", ".")
            if setting in ELSEWHERE:
                raise UserError(ELSEWHERE[setting], setting=name)
            yield f"{'+' * (setting in ADDED)}{setting}={_written(value)}"

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        return tags


class _Quiet(Console):
    """Only what a user should know, as Python's warnings."""

    def __init__(self) -> None:
        super().__init__(silent=True)

    def warn(self, text: str) -> None:
        warnings.warn(text, UserWarning, stacklevel=2)


def _train(settings: Config, source: MemorySource, console: Console) -> Chosen:
    with TemporaryDirectory(prefix="lmao-") as folder:
        inputs = settings, Path(folder), console, StopSignal(), NoTrial(), NullStore(), source
        with training(*inputs) as (*_, trained):
            return trained.chosen


@contextmanager
def _value_errors() -> Iterator[None]:
    """What scikit-learn expects of bad input."""
    try:
        yield
    except Unavailable:
        raise
    except Exception as error:
        line = explain(error)
        if line is None or (isinstance(error, OSError) and not isinstance(error, HydraException)):
            raise
        raise ValueError(line) from None


def _texts(name: str, texts: Iterable[str]) -> list[str]:
    """As a list.

    Raises:
        ValueError: not texts.
    """
    if why := no_texts(texts):
        raise ValueError(f"{name} {why}")
    found = list(texts)
    for number, text in enumerate(found):
        if why := no_text(text):
            raise ValueError(f"{name}[{number}] {why}")
    return [str(text) for text in found]


def _require_labels(labels: NDArray[Any]) -> None:
    """Raises ValueError where labels are None, NaN or NA."""
    from pandas import isna  # takes long to import; scikit-learn has imported it by now

    missing = np.flatnonzero(isna(labels))
    if len(missing):
        raise ValueError(
            f"y[{missing[0]}] is no label but {labels[missing[0]]} ({len(missing)} of {len(labels)} are missing): give "
            "texts without a label as unlabelled"
        )


def _names(classes: NDArray[Any]) -> Sequence[str]:
    """What the labels are called within a run, each in its own way."""
    names = [str(one) for one in classes]
    return names if len(set(names)) == len(names) else [f"{name} ({number})" for number, name in enumerate(names)]


def _written(value: Any) -> str:
    """A value as Hydra's grammar reads it."""
    match value:
        case np.generic():
            return quote(value.item())
        case Mapping():
            return "{" + ",".join(f"{quote(name)}:{_written(one)}" for name, one in value.items()) + "}"
        case list() | tuple() | np.ndarray():
            return "[" + ",".join(map(_written, value)) + "]"
        case _:
            return quote(value)
