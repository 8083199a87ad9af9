"""Compares re-runs: the same seeds in two arms, judged on the same examples; p-values are Holm's over the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from lmao.report.files import Judgements, RunFiles
from lmao.report.rows import Group, Row
from lmao.report.statistics import Comparison, Verdict, compare, holm, multi_bootstrap, verdict
from lmao.sweep.records import State

FEWEST = 2  # pairs


@dataclass(frozen=True)
class ConfirmedArm:
    """The re-run of a row: what each seed judged, on dev and, if it was asked for, on test."""

    row: Row
    dev: Mapping[int, Judgements]
    test: Mapping[int, Judgements]

    def split(self, name: str) -> Mapping[int, Judgements]:
        return self.dev if name == "dev" else self.test


@dataclass(frozen=True)
class Pair:
    """`first` against `second`; p, P(A>B) and the verdict are those of the test examples, or of dev without them."""

    first: Row
    second: Row
    split: str
    comparison: Comparison
    dev: Comparison
    p: float
    word: Verdict
    reversed_word: Verdict  # for `second` against `first`


def confirm(group: Group, files: RunFiles) -> Sequence[ConfirmedArm]:
    """What the complete trials of each row's re-run judged."""
    confirmed = []
    for row in group.rows:
        if row.rerun is None:
            continue
        splits: dict[str, dict[int, Judgements]] = {"dev": {}, "test": {}}
        for trial in row.rerun.of(State.COMPLETE):
            for split, found in splits.items():
                judged = files.judged(row.rerun, trial, split)
                if judged is not None and trial.seed is not None:
                    found[trial.seed] = judged
        confirmed.append(ConfirmedArm(row, **splits))
    return confirmed


def compare_all(group: Group, confirmed: Sequence[ConfirmedArm]) -> tuple[Sequence[Pair], Sequence[str]]:
    """Every row against its baseline and against the linear model, and each step of the order by the luckiest run; and
    remarks on pairs that could not be made."""
    arms = {arm.row.label: arm for arm in confirmed}
    pairings = [
        (arms[row.label], arms[other.label])
        for row in group.rows
        for other in (group.baseline_of(row), None if row.study.is_linear else group.linear)
        if other is not None and row.label in arms and other.label in arms
    ]
    searched = [row for row in group.searched if row.label in arms and row.best is not None]
    for steps in pairwise(sorted(searched, key=lambda row: -_luckiest(row))):
        first, second = (arms[row.label] for row in steps)
        if (first, second) not in pairings and (second, first) not in pairings:
            pairings.append((first, second))
    remarks, made = [], []
    for first, second in pairings:
        split = "test" if len(set(first.test) & set(second.test)) >= FEWEST else "dev"
        seeds = {name: _shared(first.split(name), second.split(name)) for name in {split, "dev"}}
        if len(seeds[split]) < FEWEST or len(seeds["dev"]) < FEWEST:
            at_hand = len(set(first.dev) & set(second.dev)) >= FEWEST
            reason = "judged the same examples in both" if at_hand else "have their predictions.npz here in both"
            remarks.append(f"{first.row.label} against {second.row.label}: no two seeds {reason}.")
        else:
            made.append((first, second, split, seeds))
    resampled = _resample([(first, second, name, seeds[name]) for first, second, _, seeds in made for name in seeds])
    compared = [
        {name: _compare(first, second, name, seeds[name], resampled, len(made)) for name in seeds}
        for first, second, _, seeds in made
    ]
    adjusted = holm([found[split].p for (_, _, split, _), found in zip(made, compared, strict=True)])
    pairs = [
        Pair(
            first=first.row,
            second=second.row,
            split=split,
            comparison=found[split],
            dev=found["dev"],
            p=p,
            word=verdict(found[split], p),
            reversed_word=verdict(found[split].reversed(), p),
        )
        for (first, second, split, _), found, p in zip(made, compared, adjusted, strict=True)
    ]
    return pairs, remarks


def _luckiest(row: Row) -> float:
    assert row.best is not None and row.best.accuracy is not None
    return row.best.accuracy


Floats = NDArray[np.float64]
Seeds = tuple[int, ...]
PairedRuns = tuple[ConfirmedArm, ConfirmedArm, str, Seeds]
Resampled = Mapping[tuple[str, str, Seeds], Floats]  # by label, split and seeds: (resamples,)


def _shared(first: Mapping[int, Judgements], second: Mapping[int, Judgements]) -> Seeds:
    """The seeds in both that judged the same examples in both."""
    return tuple(
        seed
        for seed in sorted(set(first) & set(second))
        if np.array_equal(first[seed].documents, second[seed].documents)
        and np.array_equal(first[seed].labels, second[seed].labels)
    )


def _resample(pairings: Sequence[PairedRuns]) -> Resampled:
    """Bootstrapped accuracies. Arms that share seeds and examples share the draws."""
    sharing: dict[tuple[str, Seeds, int], dict[str, ConfirmedArm]] = {}
    for first, second, split, seeds in pairings:
        examples = hash(b"".join(first.split(split)[seed].documents.tobytes() for seed in seeds))
        sharing.setdefault((split, seeds, examples), {}).update({arm.row.label: arm for arm in (first, second)})
    resampled = {}
    for (split, seeds, _), arms in sharing.items():
        accuracies = multi_bootstrap(*_aligned([arm.split(split) for arm in arms.values()], seeds))
        resampled.update({(label, split, seeds): column for label, column in zip(arms, accuracies.T, strict=True)})
    return resampled


def _aligned(arms: Sequence[Mapping[int, Judgements]], seeds: Seeds) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(arms, seeds, documents) what was right, and (seeds, documents) what was judged at all, over all documents."""
    documents = np.unique(np.concatenate([arms[0][seed].documents for seed in seeds]))
    correct = np.zeros((len(arms), len(seeds), len(documents)), dtype=np.bool_)
    judged = np.zeros((len(seeds), len(documents)), dtype=np.bool_)
    for j, seed in enumerate(seeds):
        columns = np.searchsorted(documents, arms[0][seed].documents)
        judged[j, columns] = True
        for i, arm in enumerate(arms):
            correct[i, j, columns] = arm[seed].correct
    return correct, judged


def _compare(
    first: ConfirmedArm, second: ConfirmedArm, split: str, seeds: Seeds, resampled: Resampled, comparisons: int
) -> Comparison:
    accuracies = [np.array([arm.split(split)[seed].accuracy for seed in seeds]) for arm in (first, second)]
    difference = resampled[first.row.label, split, seeds] - resampled[second.row.label, split, seeds]
    return compare(accuracies[0], accuracies[1], difference, comparisons)
