"""Studies in a database of their own, and what a report says of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lmao.report.__main__ import report
from lmao.report.description import describe, markdown
from lmao.report.rows import arrange
from lmao.sweep.reading import read_studies
from tests.support.synthetic import StudyMaker, right

TEST = {"data.include_test_text": True}


class Workplace:
    """A folder with a database, in which reports are made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage = f"sqlite:///{folder / 'optuna.db'}"

    def study(
        self, name: str, epochs: int | None, science: Mapping[str, object] | None = None, **attributes: Any
    ) -> StudyMaker:
        science = {"pretrain.epochs": epochs, "objective.name": "cosine", **TEST, **(science or {})}
        return StudyMaker(self.storage, name, self.folder, science=science, **attributes)

    def search(self, epochs: int, accuracies: Sequence[float], **attributes: Any) -> StudyMaker:
        maker = self.study(f"imdb-cosine-pretrain{epochs}", epochs, n_trials=len(accuracies), **attributes)
        for accuracy in accuracies:
            maker.complete(accuracy)
        return maker

    def rerun(self, of: StudyMaker, epochs: int, accuracy: float, seeds: int = 10, offset: int = 0) -> StudyMaker:
        name, trial = of.study.study_name, of.study.best_trial
        best = trial.params
        science = {"pretrain.epochs": epochs, "objective.name": "cosine", **TEST, **best}
        rerun = f"{name}-rerun{trial.number}"
        maker = self.study(rerun, epochs, science, n_trials=seeds, space={}, sampler="grid", rerun_of=name)
        judge(maker, accuracy, seeds, offset)
        return maker

    def linear(self, accuracy: float, seeds: int = 10) -> StudyMaker:
        science = {"textcat.name": "linear", "pretrain.epochs": 0}
        maker = self.study("imdb-linear-rerun", 0, science, n_trials=seeds, space={}, sampler="grid")
        judge(maker, accuracy, seeds)
        return maker

    def text(self) -> str:
        """What table.md says."""
        groups = arrange(read_studies(self.storage, "*"))
        return "\n\n".join(markdown(block) for group in groups for block in describe(group, "a command", "").blocks)

    def report(self) -> str:
        """The same, with all files."""
        report("*", self.storage, self.folder / "report")
        return (self.folder / "report" / "table.md").read_text(encoding="utf-8")

    def cells(self, text: str, title: str, row: str) -> list[str]:
        """A row of the table under a title."""
        section = text.split(f"### {title}", 1)[1].split("###", 1)[0]
        line = next(line for line in section.splitlines() if line.startswith(f"| {row} |"))
        return [cell.strip() for cell in line.strip("|").split("|")]


def judge(maker: StudyMaker, accuracy: float, seeds: int, offset: int = 0) -> None:
    """Seeds 1000 and on, each with its own dev documents; test documents are everybody's."""
    rng = np.random.default_rng(round(1e6 * accuracy))
    for seed in range(seeds):
        documents = np.random.default_rng(seed).permutation(2000)[:800] + offset
        maker.judge(right(rng, accuracy, 800), right(rng, accuracy, 3000), documents, seed=1000 + seed)
