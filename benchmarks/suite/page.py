"""results/suite/README.md: all records come in, its tables go out."""

from collections.abc import Mapping, Sequence
from statistics import mean, stdev

import numpy as np

from benchmarks.suite.cells import AUTO, CALLED, LABELS, PEERS, SETS, cells
from benchmarks.suite.published import PUBLISHED
from benchmarks.suite.records import Record
from benchmarks.table import Table
from lmao.report.statistics import holm, sign_flip_p, t_interval

Draws = Mapping[int, Record]  # by seed
Models = Mapping[tuple[str, str], Draws]  # by role and model
WITHOUT = "without pre-training"
AGAINST = {"arm": "best single arm", "control": WITHOUT, "peer": "best peer"}

HEAD = """# Accuracy with few labels

    python -m benchmarks.suite --data suite --imdb aclImdb_v1.tar.gz{test}

`python train.py` as it comes, on five corpora: `textcat=auto`, each of its arms, and the encoder without pre-training;
beside them what else runs offline, on the same draws of labels. Everything chooses its settings on the training labels
alone. Percent, mean ± standard deviation over draws (n) of labels, each stratified. Raw texts are those of the training
and dev files (IMDB: all that aren't for test), never the test texts. 20 Newsgroups isn't run with 20 labels: one of
each is too few for cross-validation, and `python train.py` says so and stops.

| peer | what is chosen, by cross-validation on the training labels |
| --- | --- |
| TF-IDF + LR | scikit-learn: words or 1-2-grams, sublinear counts; C of 1, 10, 100, 1,000 |
| LSA + LR | scikit-learn: TF-IDF and its decomposition of all raw texts; 100 or 300 dimensions, C as above |
| fastText | its supervised mode, as floret has it: 25 or 100 epochs, words or 1-2-grams; 100 dimensions, rate 0.5 |
| spaCy BOW | `spacy train` with what `spacy init config --pipeline textcat` writes; a fifth of the labels stops it |
| spaCy CNN | the same with `HashEmbedCNN` of lmao's size, 96 wide and 4 deep, averaged |

Seconds are those of training on one thread, without encoding and vectors, which draws share; auto's are with
pre-training, its arms' without. MB: of what is needed to predict; auto's are the sum of those of its arms. Accuracy and
macro F are those of
{part}."""


def of(records: Sequence[Record]) -> str:
    """The page. On test, where each draw of a set and size has been read there; on dev otherwise."""
    by_cell: dict[tuple[str, int], dict[tuple[str, str], dict[int, Record]]] = {}
    for record in records:
        own = by_cell.setdefault((record.set, record.labels), {}).setdefault((record.role, record.model), {})
        own[record.seed] = record
    places = [(name, labels) for name in SETS for labels in LABELS if (name, labels) in by_cell]
    tested = {place for place in places if on_test(by_cell[place])}
    part = "the test set" if tested == set(places) else "the test set where it says so, else of the dev part"
    parts = [HEAD.format(test=" --test" * bool(tested), part=part if tested else "the dev part") + "\n"]
    parts += [_summary(by_cell, places).markdown(), _differences(by_cell, places).markdown()]
    parts += [_cell(place, by_cell[place], place in tested).markdown() for place in places]
    parts += [_published().markdown()]
    asked = sorted({(SETS.index(cell.set), cell.labels) for cell in cells(SETS, LABELS, 1, [AUTO])})
    missing = [f"{CALLED[SETS[at]]} {labels:,}" for at, labels in asked if (SETS[at], labels) not in by_cell]
    if missing:
        parts.append(f"Not run yet: {', '.join(missing)}.\n")
    codes = ", ".join(sorted({record.code for record in records}))
    parts.append(f"[runs.jsonl](runs.jsonl) has each figure. Commits: {codes}.\n")
    return "\n".join(parts)


def on_test(models: Models) -> bool:
    """Whether all draws were read on test."""
    return all(record.test_accuracy is not None for draws in models.values() for record in draws.values())


def accuracies(models: Models, role: str, model: str) -> dict[int, float]:
    """By seed; on test, if all draws were read there."""
    test = on_test(models)
    draws = models.get((role, model), {})
    return {
        seed: record.dev_accuracy if not test or record.test_accuracy is None else record.test_accuracy
        for seed, record in draws.items()
    }


def _rows(models: Models) -> list[tuple[str, str, str]]:
    """Role, model, and what it is called."""
    arms = [model for role, model in models if role == "arm"]
    rows = [("auto", AUTO, "**auto**"), *(("arm", arm, arm) for arm in arms)]
    rows += [("control", model, f"{model}, {WITHOUT}") for role, model in models if role == "control"]
    return [*rows, *(("peer", model, f"*{model}*") for model in PEERS if ("peer", model) in models)]


def _cell(place: tuple[str, int], models: Models, test: bool) -> Table:
    rows = []
    for role, model, called in _rows(models):
        draws = list(models.get((role, model), {}).values())
        if not draws:
            continue
        f = [record.test_macro_f if test else record.dev_macro_f for record in draws]
        rows.append(
            [
                called,
                spread(list(accuracies(models, role, model).values())),
                spread([value for value in f if value is not None]),
                str(len(draws)),
                _average([record.seconds for record in draws], 1),
                _average([record.megabytes for record in draws], 2),
                _average([record.share for record in draws], 2),
            ]
        )
    some = next(iter(next(iter(models.values())).values()))
    examples = some.test_examples if test else some.dev_examples
    name, labels = place
    note = f"On {examples:,} examples for {'test' if test else 'development'}."
    columns = ["model", "accuracy", "macro F", "n", "seconds", "MB", "share in auto"]
    return Table(f"{CALLED[name]}, {labels:,} labels", note, columns, rows)


def _summary(by_cell: Mapping[tuple[str, int], Models], places: Sequence[tuple[str, int]]) -> Table:
    rows = []
    for name, labels in places:
        models = by_cell[name, labels]
        cells = [f"{CALLED[name]}, {labels:,}", "test" if on_test(models) else "dev"]
        cells.append(spread(list(accuracies(models, "auto", AUTO).values())))
        for role in AGAINST:
            best = best_of(models, role)
            figures = [] if best is None else list(accuracies(models, role, best).values())
            cells.append(spread(figures) + (f" {best}" if best is not None and role != "control" else ""))
        rows.append([*cells, str(len(accuracies(models, "auto", AUTO)))])
    note = (
        "The best arm and the best peer are named after the fact, by the mean of this table's own figures: that is "
        "harder on auto than any choice that could be made beforehand."
    )
    columns = ["set, labels", "part", "auto", "best single arm", WITHOUT, "best peer", "n"]
    return Table("In short", note, columns, rows)


def best_of(models: Models, role: str) -> str | None:
    """The model with the highest mean accuracy on the draws that auto has; of those that have most of them."""
    draws = accuracies(models, "auto", AUTO)
    found = {
        model: [one for seed, one in accuracies(models, role, model).items() if seed in draws or not draws]
        for own, model in models
        if own == role
    }
    most = max((len(figures) for figures in found.values()), default=0)
    whole = {model: mean(figures) for model, figures in found.items() if figures and len(figures) == most}
    return max(whole, key=lambda model: whole[model]) if whole else None


def _differences(by_cell: Mapping[tuple[str, int], Models], places: Sequence[tuple[str, int]]) -> Table:
    """auto - the best arm, - the control, - the best peer, paired by draw."""
    found = []
    for name, labels in places:
        models = by_cell[name, labels]
        auto = accuracies(models, "auto", AUTO)
        for role in AGAINST:
            best = best_of(models, role)
            if best is None:
                continue
            other = accuracies(models, role, best)
            pairs = np.array([auto[seed] - other[seed] for seed in sorted(auto.keys() & other.keys())])
            if len(pairs):
                found.append((f"{CALLED[name]}, {labels:,}", role, best, pairs))
    adjusted = iter(holm([sign_flip_p(pairs) for *_, pairs in found if len(pairs) > 1]))
    rows = []
    for place, role, best, pairs in found:
        what = AGAINST[role] if role == "control" else f"{AGAINST[role]}: {best}"
        interval, p = "", ""
        if len(pairs) > 1:
            low, high = t_interval(pairs)
            interval, p = f"{100 * low:+.1f} to {100 * high:+.1f}", f"{next(adjusted):.2f}"
        rows.append([place, what, f"{100 * pairs.mean():+.2f}", interval, p, str(len(pairs))])
    note = (
        "Paired by draw: mean difference in points, Student's 95% interval of it, the exact sign-flip p adjusted by "
        "Holm over the table. Five draws can't go below p = .06, whatever they show. "
    )
    for role, called in AGAINST.items():
        means = [100 * float(pairs.mean()) for _, own, _, pairs in found if own == role]
        if means:
            note += f"{called}: {mean(means):+.2f} in the mean of the rows, {min(means):+.2f} at the least. "
    note = note.rstrip()
    columns = ["set, labels", "auto against", "difference", "95% interval", "p", "n"]
    return Table("Differences", note, columns, rows)


def _published() -> Table:
    rows = [[CALLED[one.set], one.labels, one.model, one.accuracy, one.protocol] for one in PUBLISHED]
    note = "Their figures, under their protocols: other draws, and other raw text, so for orientation alone."
    return Table("Published", note, ["set", "labels", "model", "accuracy", "protocol"], rows)


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation, in percent."""
    if not values:
        return ""
    deviation = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.1f}{deviation}"


def _average(values: Sequence[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    return f"{mean(known):,.{digits}f}" if known else ""
