"""Train, dev and test: parts and labels of all documents come in, the examples of each split go out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmao.config.data import AnyData
from lmao.data.document import Part
from lmao.data.findings import Finding
from lmao.errors import UserError

DEV_SHARE = 5  # where data.dev_examples is null: one labelled document in five
FEWEST = 2  # training examples of some label, for cross-validation: one is learned from, one held out
MISSING = {"nan", "none", "null", "na", "n/a", "<na>"}  # as programs write them
LISTED = 10  # labels that a line names
TOLERABLE = 0.005  # share of copies that can't move an accuracy by more than its own error

Integers = NDArray[np.int64]


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
    findings: Sequence[Finding] = ()  # what the user should know about them


def split(
    config: AnyData,
    parts: NDArray[np.uint8],
    labels: NDArray[np.int32],
    copies: Integers,
    label_names: Sequence[str],
    rng: np.random.Generator,
    evaluate_test: bool,
) -> Splits:
    """Draw the splits. `parts`, `labels` (-1: none) and `copies` are those of all documents, in order; copies have one
    number.

    The labelled documents are put into an order, see `_order`; train is the first of them, dev the last (or documents
    of the dev file), so that a larger train contains a smaller one. Pre-training draws last: it does not change train
    and dev.

    Raises:
        UserError: too few documents, or fewer than two classes.
    """
    labelled = np.flatnonzero((parts == Part.TRAIN) & (labels >= 0))
    _check_classes(labels[labelled], label_names)
    shuffled = rng.permutation(labelled)
    given = np.flatnonzero(parts == Part.DEV)
    if config.draw != "shuffled":
        shuffled = _order(shuffled, labels, copies)
    if len(given):
        dev = _first(rng.permutation(given), config.dev_examples, "data.dev_examples", "documents of data.dev_path")
        pool = shuffled
        _first(pool, config.train_examples, "data.train_examples", "labelled training documents")
    else:
        pool, dev = _cut(shuffled, config.train_examples, config.dev_examples)
    if config.draw != "shuffled":
        if not len(given):
            pool = pool[~np.isin(copies[pool], copies[dev])]
        pool = _distinct_first(pool, copies)
    if len(pool) < (config.train_examples or 1):
        asked = config.train_examples is not None
        raise UserError(
            f"{len(pool):,} labelled training documents are left without the copies of those in dev",
            setting="data.train_examples" if asked else None,
            advice="lower it, or remove the copies" if asked else "remove the copies, or add examples",
        )
    train = (_balanced(pool, labels) if config.draw == "balanced" else pool)[: config.train_examples]
    advice = "raise data.train_examples, or add examples" if config.train_examples else "add examples"
    if len(np.unique(labels[train])) < 2:
        raise UserError(f"all training examples ({len(train):,}) have the same label", advice=advice)
    test = _test(parts, labels) if evaluate_test else None
    pretrain = _pretrain(config, parts, rng)
    others = {"dev": dev, "test": np.flatnonzero(parts == Part.TEST)}
    read = None if config.pretrains_on_test else pretrain
    return Splits(
        train=Examples(train, labels[train]),
        dev=Examples(dev, labels[dev]),
        test=test,
        pretrain=pretrain,
        findings=[*_rare(labels[train], label_names, advice), *_copied(copies, labelled, train, others, read)],
    )


def _check_classes(labels: NDArray[np.int32], names: Sequence[str]) -> None:
    counts = np.bincount(labels, minlength=len(names))
    if np.count_nonzero(counts) < 2:
        found = f"only the class '{names[int(np.argmax(counts))]}'" if len(labels) else "no label"
        raise UserError(f"the training data has {found}: a classifier needs two classes or more")


def unlabelled(config: AnyData, parts: NDArray[np.uint8], rng: np.random.Generator) -> Splits:
    """Where no document has a label: all of them are there to pre-train on."""
    none = Examples(np.zeros(0, np.int64), np.zeros(0, np.int32))
    return Splits(none, none, None, _pretrain(config, parts, rng))


def _order(shuffled: Integers, labels: NDArray[np.int32], copies: Integers) -> Integers:
    """A stratified order: each class has the same share of every stretch, as nearly as the numbers allow, one document
    of each class stands at the beginning, and copies stand side by side.

    The j-th of a class' n distinct texts has its place at (j + 1/2) / n of the way, the first of them at 0.
    """
    numbers, first, owner = np.unique(copies[shuffled], return_index=True, return_inverse=True)
    # A text has the place of the document that its copies are numbered by: by their first one, texts with many copies
    # would come early.
    place = np.full(int(shuffled.max()) + 1, -1)
    place[shuffled] = np.arange(len(shuffled))
    own_place = place[np.minimum(numbers, len(place) - 1)]
    texts = np.argsort(np.where(own_place >= 0, own_place, first))  # distinct texts, in the shuffled order
    own = labels[shuffled[first[texts]]]
    places = np.empty(len(texts))
    for label in np.unique(own):
        at = np.flatnonzero(own == label)
        places[at] = (np.arange(len(at)) + 0.5) / len(at)
        places[at[0]] = 0
    rank = np.empty(len(texts), dtype=np.int64)  # of each text, by its number in `copies`
    rank[texts[np.argsort(places, kind="stable")]] = np.arange(len(texts))
    ordered: Integers = shuffled[np.argsort(rank[owner], kind="stable")]
    return ordered


def _distinct_first(pool: Integers, copies: Integers) -> Integers:
    """One of each text, and the other copies after them all: few training examples should be different ones."""
    first = np.zeros(len(pool), dtype=bool)
    first[np.unique(copies[pool], return_index=True)[1]] = True
    return np.concatenate([pool[first], pool[~first]])


def _balanced(pool: Integers, labels: NDArray[np.int32]) -> Integers:
    """An order in which any first n have as many of each class as of every other, as long as there are enough."""
    own = labels[pool]
    turns = np.empty(len(pool), dtype=np.int64)
    for label in np.unique(own):
        at = np.flatnonzero(own == label)
        turns[at] = np.arange(len(at))
    balanced: Integers = pool[np.argsort(turns, kind="stable")]
    return balanced


def _first(shuffled: Integers, wanted: int | None, key: str, what: str) -> Integers:
    if wanted is not None and wanted > len(shuffled):
        raise UserError(f"{key}={wanted} is more than the {len(shuffled):,} {what}")
    return shuffled[:wanted]


def _cut(ordered: Integers, wanted_train: int | None, wanted_dev: int | None) -> tuple[Integers, Integers]:
    """The pool that train is taken from, and dev."""
    available = len(ordered)
    dev = max(1, available // DEV_SHARE) if wanted_dev is None else wanted_dev
    train = max(1, available - dev) if wanted_train is None else wanted_train
    if train + dev > available:
        wanted = {"train": wanted_train, "dev": wanted_dev}
        asked = " and ".join(f"data.{name}_examples={n}" for name, n in wanted.items() if n is not None)
        raise UserError(
            f"{asked or 'train and dev'} take more than the {available:,} labelled training documents there are",
            advice="lower the number" if asked else "add examples",
        )
    return ordered[: available - dev], ordered[available - dev :]


def _test(parts: NDArray[np.uint8], labels: NDArray[np.int32]) -> Examples:
    documents = np.flatnonzero(parts == Part.TEST)
    if not len(documents):
        raise UserError("evaluate_test=true, but there are no test documents", advice="give data.test_path")
    return Examples(documents, labels[documents])


def _pretrain(config: AnyData, parts: NDArray[np.uint8], rng: np.random.Generator) -> Integers:
    allowed = np.flatnonzero((parts != Part.TEST) | config.pretrains_on_test)
    wanted = config.pretrain_documents
    if wanted is None:
        return allowed
    return np.sort(_first(rng.permutation(allowed), wanted, "data.pretrain_documents", "documents to pre-train on"))


def _rare(train: NDArray[np.int32], names: Sequence[str], advice: str) -> list[Finding]:
    """Labels with one example or none, or with no meaning."""
    counts = np.bincount(train, minlength=len(names))
    found = []
    if counts.max() < FEWEST:
        few = f"{len(names):,} labels for {len(train):,} training examples, none with {FEWEST}"
        found.append(Finding(f"{few}: {advice}, if these are labels at all", spoils=True))
        if len(names) > LISTED:  # they may be texts, or their numbers, and would fill the screen
            return found
    for count, what in ((0, "no training example"), (1, "one training example")):
        rare = [f"'{names[label]}'" for label in np.flatnonzero(counts == count).tolist()]
        if rare:
            listed = ", ".join(rare[:LISTED]) + (f" and {len(rare) - LISTED} more" if len(rare) > LISTED else "")
            found.append(Finding(f"{what} of {listed}: {advice}", spoils=count == 0))
    for name in names:
        if name.casefold() in MISSING:
            found.append(Finding(f"the label '{name}' looks like a missing one: such texts can be pre-trained on"))
    return found


def _copied(
    copies: Integers, labelled: Integers, train: Integers, others: Mapping[str, Integers], read: Integers | None
) -> list[Finding]:
    """Labelled texts that occur more than once, or in two splits, which the user may judge by; and those of test that
    may be read in pre-training, where they shouldn't be. read: what it reads, or None where all may be."""
    found = []
    _, counts = np.unique(copies[labelled], return_counts=True)
    if several := int((counts > 1).sum()):
        found.append(Finding(f"{several:,} {'text occurs' if several == 1 else 'texts occur'} more than once"))
    for name, documents in others.items():
        both = int(np.isin(copies[documents], copies[train]).sum())
        if both:
            high = both > TOLERABLE * len(documents)
            line = f"{both:,} of the {len(documents):,} texts of {name} are training texts, too"
            found.append(Finding(line + ": its accuracy is too high" * high, spoils=high))
    test = copies[others["test"]]
    if both := int(np.isin(test, copies[others["dev"]]).sum()):
        high = both > TOLERABLE * len(test)
        line = f"{both:,} of the {len(test):,} texts of test are texts of dev, too"
        found.append(Finding(line + ": what was chosen by them is judged by them" * high, spoils=high))
    if read is not None and (both := int((np.isin(test, copies[read]) & ~np.isin(test, copies[train])).sum())):
        found.append(Finding(f"{both:,} of the {len(test):,} texts of test have copies among those to pre-train on"))
    return found
