"""Rows and pairs become tables of text, in percent: for Markdown, and for the screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import rich.table
from rich import box
from rich.text import Text

from lmao.report.comparison import ConfirmedArm, Pair
from lmao.report.files import Judgements
from lmao.report.rows import Row
from lmao.report.statistics import Comparison, Floats, t_interval
from lmao.sweep.records import State, StudyRecord

TOP = 3
SHORT = 14  # letters; what is longer may be wrapped on the screen


@dataclass(frozen=True)
class Table:
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [self.header, ["---"] * len(self.header), *self.rows]
        body = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        return f"### {self.title}\n\n{body}"

    def screen(self) -> rich.table.Table:
        table = rich.table.Table(title=self.title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
        for i, name in enumerate(self.header):
            short = all(len(row[i]) <= SHORT for row in self.rows)
            table.add_column(Text(name), no_wrap=short, overflow="fold")
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table


def results(rows: Sequence[Row], confirmed: Mapping[str, ConfirmedArm], chance: float) -> Table:
    """The original table, and what became of the best settings when they were trained again."""
    header = ["LMAO?", "best accuracy", "n", "failed / pruned", f"top-{TOP} mean", "median", "sampler"]
    header += ["dev, fresh seeds", "test, fresh seeds"]
    body = []
    for row in rows:
        values = row.values(chance)
        search, arm = row.search, confirmed.get(row.label)
        cells = [row.label, *[""] * 6]
        if search is not None:
            best = row.best
            cells[1:] = [
                "" if best is None or best.accuracy is None else percent(best.accuracy),
                str(len(values)),
                f"{len(search.of(State.FAILED))} / {len(search.of(State.PRUNED))}",
                percent(np.sort(values)[-TOP:].mean()) if row.reached_any else "",
                percent(float(np.median(values))) if row.reached_any else "",
                search.sampler,
            ]
        cells += ["", ""] if arm is None else [_spread(arm.dev), _spread(arm.test)]
        body.append(cells)
    return Table("Accuracy, %", header, body)


def best_settings(rows: Sequence[Row], confirmed: Mapping[str, ConfirmedArm]) -> Table:
    """What the runs that were trained again were set to, and how well the mean of these is known."""
    header = ["LMAO?", "trial", "best setting", "fresh seeds", "dev, 95% over seeds", "test, 95% over seeds"]
    body = []
    for row in rows:
        best, arm = row.retrained, confirmed.get(row.label)
        if best is None and arm is None:
            continue
        setting = "" if best is None else ", ".join(f"{key}={text_of(value)}" for key, value in best.parameters.items())
        cells = [row.label, "" if best is None else str(best.number), setting]
        cells += ["", "", ""] if arm is None else [_seeds(row.rerun), _interval(arm.dev), _interval(arm.test)]
        body.append(cells)
    return Table("Best settings", header, body)


def differences(pairs: Sequence[Pair]) -> Table:
    """Every pair with its intervals, p, P(A>B) and the word for it."""
    header = ["A", "B", "pairs", "dev: A - B [95%]", "test: A - B [95%]", "p (Holm)", "P(A>B)", "verdict"]
    body = [
        [
            pair.first.label,
            pair.second.label,
            str(pair.comparison.pairs),
            _difference(pair.dev),
            _difference(pair.comparison) if pair.split == "test" else "",
            p_value(pair.p),
            f"{pair.comparison.superiority:.2f}",
            _word(pair),
        ]
        for pair in pairs
    ]
    return Table("Differences, points", header, body)


def costs(rows: Sequence[Row], results: Mapping[str, Mapping[str, Any]]) -> Table:
    """What one run of the best setting is and takes; epochs of pre-training from the cache with what they once took."""
    header = ["LMAO?", "weights", "model MB", "minutes", "of it pre-training", "pre-trained words/s"]
    body = []
    for row in rows:
        result = results.get(row.label)
        if result is None:
            continue
        pretrain, stages = result["pretrain"], result["seconds"]
        pretraining = pretrain["seconds"] if pretrain else 0.0
        total = sum(stages.values()) - stages.get("pretrain", 0.0) + pretraining
        body.append(
            [
                row.label,
                f"{result['parameters']:,}",
                "" if result["model_mb"] is None else f"{result['model_mb']:.1f}",
                f"{total / 60:.1f}",
                f"{pretraining / 60:.1f}",
                f"{pretrain['words_per_second']:,.0f}" if pretrain else "",
            ]
        )
    return Table("What one run takes", header, body)


def text_of(value: Any) -> str:
    """A setting's value."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def percent(accuracy: float) -> str:
    return f"{100 * accuracy:.2f}"


def points(difference: float, low: float, high: float) -> str:
    """A difference of accuracies and its interval."""
    return f"{100 * difference:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]"


def p_value(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.1e}"


def _seeds(rerun: StudyRecord | None) -> str:
    assert rerun is not None
    complete = len(rerun.of(State.COMPLETE))
    return str(complete) if rerun.done and complete == rerun.budget else f"{complete} of {rerun.budget}"


def _spread(judged: Mapping[int, Judgements]) -> str:
    """Mean ± sd."""
    accuracies = _accuracies(judged)
    if len(accuracies) < 2:
        return " ".join(map(percent, accuracies))
    return f"{percent(accuracies.mean())} ± {percent(accuracies.std(ddof=1))}"


def _interval(judged: Mapping[int, Judgements]) -> str:
    """Student's, of the mean; the examples are taken as given."""
    accuracies = _accuracies(judged)
    return "{} to {}".format(*map(percent, t_interval(accuracies))) if len(set(accuracies)) > 1 else ""


def _accuracies(judged: Mapping[int, Judgements]) -> Floats:
    return np.array([found.accuracy for found in judged.values()])


def _difference(comparison: Comparison) -> str:
    return points(comparison.difference, *comparison.interval95)


def _word(pair: Pair) -> str:
    if pair.word == "better":
        return "A better"
    if pair.reversed_word == "better":
        return "B better"
    if pair.word == "equivalent":
        return pair.word
    detectable = pair.comparison.detectable
    shown = f" ({pair.comparison.pairs} pairs could have shown {percent(detectable)})"
    return f"no evidence{shown if 0 < detectable < np.inf else ''}"
