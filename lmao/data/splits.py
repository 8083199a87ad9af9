"""Who trains, who judges: parts and labels of all documents come in, the examples of each split go out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmao.config.data import AnyData, Docstrings
from lmao.data.document import Part
from lmao.errors import UserError

DEV_SHARE = 5  # where data.dev_examples is null: one labelled document in five


@dataclass(frozen=True)
class Examples:
    documents: NDArray[np.int64]  # (examples,)
    labels: NDArray[np.int32]  # (examples,)


@dataclass(frozen=True)
class Splits:
    train: Examples
    dev: Examples
    test: Examples | None
    pretrain: NDArray[np.int64]  # (documents,), ascending


def split(
    config: AnyData,
    parts: NDArray[np.uint8],
    labels: NDArray[np.int32],
    label_names: Sequence[str],
    rng: np.random.Generator,
    evaluate_test: bool,
) -> Splits:
    """Draw the splits. `parts` and `labels` (-1: none) are those of all documents, in order.

    The labelled documents are shuffled; train is the first of them, dev the last (or documents of the dev file), so
    that a larger train contains a smaller one. Pre-training draws last: it does not change train and dev.

    Raises:
        UserError: too few documents, or a class that can't be learned.
    """
    labelled = np.flatnonzero((parts == Part.TRAIN) & (labels >= 0))
    _check_classes(labels[labelled], label_names)
    shuffled = rng.permutation(labelled)
    given = np.flatnonzero(parts == Part.DEV)
    if len(given):
        train = _first(shuffled, config.train_examples, "data.train_examples", "labelled training documents")
        dev = _first(rng.permutation(given), config.dev_examples, "data.dev_examples", "documents of data.dev_path")
    else:
        train, dev = _both_ends(shuffled, config.train_examples, config.dev_examples)
    missing = np.flatnonzero(np.bincount(labels[train], minlength=len(label_names)) == 0)
    if len(missing):
        raise UserError(
            f"no example of class '{label_names[missing[0]]}' among the {len(train):,} training examples: "
            "raise data.train_examples or take another seed"
        )
    return Splits(
        train=Examples(train, labels[train]),
        dev=Examples(dev, labels[dev]),
        test=_test(parts, labels) if evaluate_test else None,
        pretrain=_pretrain(config, parts, rng),
    )


def _check_classes(labels: NDArray[np.int32], names: Sequence[str]) -> None:
    counts = np.bincount(labels, minlength=len(names))
    if np.count_nonzero(counts) < 2:
        found = f"only the class '{names[int(np.argmax(counts))]}'" if len(labels) else "no label"
        raise UserError(f"the training data has {found}: a classifier needs two classes or more")
    for name, count in zip(names, counts, strict=True):
        if count == 1:
            raise UserError(f"label '{name}' occurs once in the training data: correct it, remove it or add examples")


def _first(shuffled: NDArray[np.int64], wanted: int | None, key: str, what: str) -> NDArray[np.int64]:
    if wanted is not None and wanted > len(shuffled):
        raise UserError(f"{key}={wanted} is more than the {len(shuffled):,} {what}")
    return shuffled[:wanted]


def _both_ends(
    shuffled: NDArray[np.int64], wanted_train: int | None, wanted_dev: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    available = len(shuffled)
    dev = max(1, available // DEV_SHARE) if wanted_dev is None else wanted_dev
    train = available - dev if wanted_train is None else wanted_train
    if train < 1 or train + dev > available:
        asked = f"data.train_examples={'null' if wanted_train is None else wanted_train} and data.dev_examples={dev}"
        raise UserError(f"{asked} ask for more than the {available:,} labelled training documents there are")
    return shuffled[:train], shuffled[available - dev :]


def _test(parts: NDArray[np.uint8], labels: NDArray[np.int32]) -> Examples:
    documents = np.flatnonzero(parts == Part.TEST)
    if not len(documents):
        raise UserError("evaluate_test=true, but there are no test documents: give data.test_path")
    return Examples(documents, labels[documents])


def _pretrain(config: AnyData, parts: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.int64]:
    with_test = not isinstance(config, Docstrings) and config.include_test_text
    allowed = np.flatnonzero((parts != Part.TEST) | with_test)
    wanted = config.pretrain_documents
    if wanted is None:
        return allowed
    return np.sort(_first(rng.permutation(allowed), wanted, "data.pretrain_documents", "documents to pre-train on"))
