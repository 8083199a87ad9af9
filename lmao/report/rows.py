"""Studies are arranged as rows of tables: a row for each search with its re-run, a table for each data set."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import Any

import numpy as np

from lmao.report.statistics import Floats
from lmao.sweep.records import State, StudyRecord, TrialRecord, rank

NOT_IN_LABELS = ("seed", "data.", "pretrain.epochs")  # the data has a table of its own
OF_PRETRAINING = ("pretrain.", "objective.", "vectors.target.")  # without meaning where pretrain.epochs=0


@dataclass(frozen=True)
class Row:
    """One arm: the study that searched its settings, the one that re-trained the best of them, and those that
    re-trained what was best earlier."""

    label: str
    search: StudyRecord | None
    rerun: StudyRecord | None
    superseded: Sequence[StudyRecord] = ()

    @property
    def study(self) -> StudyRecord:
        study = self.search or self.rerun
        assert study is not None
        return study

    @property
    def reached_any(self) -> bool:
        return self.search is not None and any(trial.reached is not None for trial in self.search.trials)

    @property
    def best(self) -> TrialRecord | None:
        return self.search.best() if self.search else None

    @property
    def finished(self) -> Sequence[TrialRecord]:
        """The trials of the search that ended, well or not."""
        ends = (State.COMPLETE, State.PRUNED, State.FAILED)
        return [] if self.search is None else [trial for trial in self.search.trials if trial.state in ends]

    @property
    def retrained(self) -> TrialRecord | None:
        """The trial whose setting the re-run has: the best, unless a better one was found since."""
        trials = sorted(self.search.complete, key=rank) if self.search else []
        return next((trial for trial in trials if self.rerun is None or retrains(self.rerun, trial)), None)

    def value(self, trial: TrialRecord, chance: float) -> float:
        """What a finished trial counts as: a failed one as chance, a pruned one as it stood, but never as more than
        the best complete one: reports are of some of dev, and come before the last."""
        if trial.reached is None:
            return chance
        if trial.state is not State.PRUNED or self.best is None or self.best.accuracy is None:
            return trial.reached
        return min(trial.reached, self.best.accuracy)

    def values(self, chance: float) -> Floats:
        """(n,) of each finished trial."""
        return np.array([self.value(trial, chance) for trial in self.finished])


@dataclass(frozen=True)
class Group:
    """The rows of one table: the same data, the same number of labels."""

    title: str
    rows: Sequence[Row]

    @property
    def searched(self) -> Sequence[Row]:
        return [row for row in self.rows if row.search is not None]

    @property
    def studies(self) -> Sequence[StudyRecord]:
        """All, the superseded too."""
        return [study for row in self.rows for study in (row.search, row.rerun, *row.superseded) if study is not None]

    @property
    def linear(self) -> Row | None:
        """The linear model's row, of several the one that was trained again."""
        return min((row for row in self.rows if row.study.is_linear), key=lambda row: row.rerun is None, default=None)

    def baseline_of(self, row: Row) -> Row | None:
        """The row without pre-training that is most like this one; None for the linear model and for itself."""
        own = row.study
        others = [other for other in self.rows if other.study.pretrain_epochs == 0 and not other.study.has_no_encoder]
        if own.is_linear or not own.pretrain_epochs or not others:
            return None
        return min(others, key=lambda other: len(_differing([own.science, _meaningful(other.study)])))


def arrange(studies: Sequence[StudyRecord]) -> Sequence[Group]:
    """Groups by data, each with its rows: without pre-training first, then by epochs, the linear model last."""
    searches = [study for study in studies if not study.is_rerun]
    reruns: dict[str, list[StudyRecord]] = {}
    for study in studies:
        if study.is_rerun:
            reruns.setdefault(study.rerun_of or _linear_search(study), []).append(study)
    rows = [_row(study, reruns.pop(study.name, [])) for study in searches]
    rows += [Row(study.name, None, study) for study in chain.from_iterable(reruns.values())]
    texts = {_data(row): row.study.texts for row in rows if row.study.texts}

    def key(row: Row) -> tuple[str, str]:  # studies that don't know their texts go with one that does
        return _data(row), row.study.texts or texts.get(_data(row), "")

    rows.sort(key=key)
    groups = [list(group) for _, group in groupby(rows, key=key)]
    data = [group[0].study.data for group in groups]
    differing = _differing(data)
    titles = [
        ", ".join([str(values.get("data.name", "data")), *_values_of(values, differing - {"data.name"})])
        for values in data
    ]
    return [
        Group(title if titles.count(title) == 1 else f"{title} ({group[0].study.name})", _labelled(group))
        for title, group in zip(titles, groups, strict=True)
    ]


def retrains(rerun: StudyRecord, trial: TrialRecord) -> bool:
    """Whether its settings are the trial's; a group's choice is compared by name."""
    there = rerun.science
    return all(
        there.get(name, there.get(f"{name}.name", value)) == value
        for name, value in trial.parameters.items()
        if name != "seed"
    )


def _row(search: StudyRecord, reruns: Sequence[StudyRecord]) -> Row:
    """A search with the re-run of its best setting, or else with the latest re-run."""
    best = search.best()

    def order(rerun: StudyRecord) -> tuple[bool, int, str]:
        return best is not None and retrains(rerun, best), len(rerun.name), rerun.name  # …-rerun9 before …-rerun12

    ordered = sorted(reruns, key=order)
    return Row(search.name, search, ordered[-1] if ordered else None, ordered[:-1])


def _linear_search(study: StudyRecord) -> str:
    return study.name.removesuffix("-rerun")


def _data(row: Row) -> str:
    return str(sorted(row.study.data.items()))


def _labelled(rows: Sequence[Row]) -> Sequence[Row]:
    labelled = []
    for linear in (False, True):
        kind = [row for row in rows if row.study.has_no_encoder == linear]
        kind.sort(key=lambda row: (_order(row.study), row.label))
        sciences = [_meaningful(row.study) for row in kind]
        differing = {key for key in _differing(sciences) if not key.startswith(NOT_IN_LABELS)}
        labels = [
            ", ".join([_kind(row.study), *_values_of(science, differing)])
            for row, science in zip(kind, sciences, strict=True)
        ]
        labels = _apart(labels, [row.study.sampler for row in kind])
        labels = _apart(labels, [row.study.name for row in kind])
        labelled += [replace(row, label=label) for row, label in zip(kind, labels, strict=True)]
    return labelled


def _apart(labels: list[str], more: Sequence[str]) -> list[str]:
    """Labels, with something more where they are equal."""
    return [label if labels.count(label) == 1 else f"{label}, {also}" for label, also in zip(labels, more, strict=True)]


def _order(study: StudyRecord) -> float:
    """By epochs of pre-training; those left to the corpus, then those that vary, come last."""
    match study.pretrain_epochs:
        case None:
            return np.inf
        case "auto":
            return sys.float_info.max
        case epochs:
            return epochs


def _kind(study: StudyRecord) -> str:
    if study.has_no_encoder:
        return "Linear"
    match study.pretrain_epochs:
        case None:
            return study.name
        case 0:
            return "Baseline"
        case "auto":
            return "epochs by the corpus"
        case 1:
            return "1 epoch"
        case epochs:
            return f"{epochs} epochs"


def _meaningful(study: StudyRecord) -> Mapping[str, Any]:
    """Its science, without what a search of another row draws and what has no part in it."""
    nothing = OF_PRETRAINING if study.pretrain_epochs == 0 else ()
    return {key: value for key, value in study.science.items() if not key.startswith(nothing)}


def _differing(sciences: Iterable[Mapping[str, Any]]) -> set[str]:
    """The keys that have two values or more; a key that is missing somewhere is swept there, or has no meaning."""
    found: dict[str, set[str]] = {}
    for science in sciences:
        for key, value in science.items():
            found.setdefault(key, set()).add(str(value))
    return {key for key, values in found.items() if len(values) > 1}


def _values_of(science: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    return [f"{key}={science[key]}" for key in sorted(keys) if key in science]
