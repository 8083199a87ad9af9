"""A group of rows comes in, the blocks of table.md go out: tables, what they say in words, and what is under them."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lmao.report import tables
from lmao.report.comparison import FEWEST, ConfirmedArm, Pair, compare_all, confirm
from lmao.report.files import RunFiles
from lmao.report.honesty import one_pretraining, statement
from lmao.report.luck import Luck, beyond, contrasts, sentences
from lmao.report.rows import Group, Row, retrains
from lmao.report.settings import at_the_edge, top_three
from lmao.report.statistics import EQUIVALENCE, LEVEL, SUPERIORITY, holm
from lmao.report.tables import Table
from lmao.sweep.records import State

Block = str | Table

UNDER = "### Under every table"
WORDS = (
    "Each row is compared with its baseline and with the linear model, and so are the steps of the order by the "
    f"luckiest run. *A better*: Holm's p < {LEVEL:g}, the interval above 0 and P(A>B) >= {SUPERIORITY:g}; "
    f"*equivalent*: the 90% interval within ±{100 * EQUIVALENCE:g} points; else *no evidence*, with the smallest "
    "difference that these pairs call better with 80% power. Intervals: multi-bootstrap over seeds and examples, as "
    "much wider for few seeds as Student's is; p: exact sign flips, of test where it was read, else of dev."
)
LUCK = (
    "Searches are compared on the draws of settings and seeds that both finished: each step of the order, then each "
    "row and its baseline. Intervals and p by swapping the two values of a draw: an interval is of one k alone, p is "
    f"adjusted for all k and rows; *beyond luck*: p < {LEVEL:g}. What the best settings are worth, fresh seeds tell."
)
TOPS = "The best three of more runs are better by luck alone: values with like numbers of runs compare."


@dataclass(frozen=True)
class Description:
    """`blocks` of table.md, the luck that some of them are about, and the result.json of each row's best trial."""

    blocks: Sequence[Block]
    luck: Luck
    results: Mapping[str, Mapping[str, Any]]  # by the row's label

    def showing(self, plots: Iterable[str]) -> Sequence[Block]:
        """The blocks, and above what stands under every table the plots, by file, that have no place in them yet."""
        texts = [block for block in self.blocks if isinstance(block, str)]
        further = [plot for plot in plots if not any(f"({plot})" in text for text in texts)]
        at = self.blocks.index(UNDER)
        return [*self.blocks[:at], *(f"![{Path(plot).stem}]({plot})" for plot in further), *self.blocks[at:]]


def describe(group: Group, command: str, prefix: str) -> Description:
    """All of a group's tables. `command` made them; `prefix`: of the names of the group's plots."""
    with tempfile.TemporaryDirectory() as downloads:
        files = RunFiles(Path(downloads))
        results = _results(group, files)
        confirmed = confirm(group, files)
    chance = next((1 / len(result["labels"]) for result in results.values()), None)
    pairs, remarks = compare_all(group, confirmed)
    luck = beyond(group, chance or 0.0)
    draw_by_draw = contrasts(luck)
    arms = {arm.row.label: arm for arm in confirmed}
    best = tables.best_settings(group.rows, arms)
    settings = top_three(group)
    blocks: list[Block] = [
        f"## {group.title}",
        _progress(group),
        tables.results(group.rows, arms, chance or 0.0),
        _bullets([*sentences(group, luck), *_fresh(group.rows, arms), *_outdated(group.rows)]),
        *((draw_by_draw, LUCK) if draw_by_draw is not None else ()),
        f"![expected best of k]({prefix}best_of_k.png)" if luck.by_luck else "",
        *([tables.differences(pairs)] if pairs else []),
        " ".join([WORDS, *one_pretraining(group)]) if pairs else "",
        _bullets([*remarks, *_powerless(pairs)]),
        *([best] if best.rows else []),
        *([tables.costs(group.rows, results)] if results else []),
        *((settings, TOPS) if settings.rows else ()),
        _bullets([f"At the edge of the space: {line}." for line in at_the_edge(group)]),
        f"![isolation]({prefix}isolation.png)" if settings.rows else "",
        f"![boundary]({prefix}boundary.png)" if any(row.best for row in group.searched) else "",
        UNDER,
        "\n".join(statement(group, list(results.values()), chance, files.missing, command)),
    ]
    return Description([block for block in blocks if block], luck, results)


def markdown(block: Block) -> str:
    return block.markdown() if isinstance(block, Table) else block


def _results(group: Group, files: RunFiles) -> Mapping[str, Mapping[str, Any]]:
    """The result.json of each row's best trial, by label; of the re-run if there is one: the settings are the same."""
    found = {}
    for row in group.rows:
        for study in (row.rerun, row.search):
            best = study.best() if study else None
            result = files.result(study, best) if study and best else None
            if result is not None:
                found[row.label] = result
                break
    return found


def _progress(group: Group) -> str:
    behind = [
        f"{study.name} has {study.finished} of {study.budget or '?'} runs"
        + (f", {running} running" if (running := len(study.of(State.RUNNING))) else "")
        for row in group.rows
        for study in (row.search, row.rerun)
        if study is not None and not study.done
    ]
    return f"**Unfinished**: {'; '.join(behind)}." if behind else ""


def _fresh(rows: Sequence[Row], arms: Mapping[str, ConfirmedArm]) -> Sequence[str]:
    """The order of the best settings once chance has been drawn again."""
    judged = {row.label: arms[row.label].dev for row in rows if row.label in arms and row.search is not None}
    judged = {label: found for label, found in judged.items() if len(found) > 1}
    shared = set.intersection(*map(set, judged.values())) if len(judged) > 1 else set()
    if len(shared) < FEWEST:
        return []
    means = {label: np.mean([found[seed].accuracy for seed in sorted(shared)]) for label, found in judged.items()}
    order = sorted(means, key=lambda label: -means[label])
    text = order[0]
    for upper, lower in pairwise(order):
        text += f" {'>' if means[upper] > means[lower] else '='} {lower}"
    return [f"With fresh seeds the means of dev have the order {text}."]


def _outdated(rows: Sequence[Row]) -> Sequence[str]:
    """Re-runs of what is no longer the best."""
    lines = []
    for row in rows:
        best = row.best
        if row.rerun is None or best is None:
            continue
        if not retrains(row.rerun, best):
            lines.append(
                f"{row.label}: the search has since found a better setting, trial {best.number}, than was re-trained."
            )
    return lines


def _powerless(pairs: Sequence[Pair]) -> Sequence[str]:
    """Pairs of seeds too few for Holm's p, at its least for all of the table's comparisons."""
    floors = holm([2.0 ** (1 - pair.comparison.pairs) for pair in pairs])
    found = {(pair.comparison.pairs, least) for pair, least in zip(pairs, floors, strict=True) if least >= LEVEL}
    among = f" among {len(pairs)} comparisons" if len(pairs) > 1 else ""
    return [f"{m} pairs can't show a difference{among}: their p is never below {p:.3g}." for m, p in sorted(found)]


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
