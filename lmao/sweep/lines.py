"""What a sweep prints: a line when it begins, a line for each trial, a line at the end."""

import shlex
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url

from lmao.console import Console, counted, duration
from lmao.database import typed
from lmao.passwords import without_passwords
from lmao.paths import from_here
from lmao.sweep.models import best_of
from lmao.sweep.reading import STORAGE
from lmao.sweep.records import TrialAttribute
from lmao.sweep.study import SharedStudy

SHORT = ("optimizer.", "textcat.")
SAMPLERS = {"tpe": "TPE", "qmc": "QMC"}
STATES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


class Lines:
    def __init__(self, console: Console, study: SharedStudy) -> None:
        self._console = console
        self._study = study
        self._began = time.time()

    def begin(self, sampler: str, settings: int, lost: int) -> None:
        finished = len(self._study.finished_trials())
        parts = [
            f"{self._study.name} · {SAMPLERS.get(sampler, sampler)}, {counted(settings, 'setting')}, "
            + counted(self._study.n_trials, "trial")
        ]
        if finished:
            parts.append(f"resumes {finished} finished")
        if lost:
            parts.append(f"{lost} lost to a kill, queued again")
        self._console.line("study", " · ".join(parts))

    def trial(self, trial: FrozenTrial) -> None:
        """A trial that ended, the best so far, and how long the rest will take."""
        best = self._best()
        parts = [
            f"{_outcome(trial):<7}",
            f"best {best.values[0]:.3f}" if best else "best -    ",
            f"{duration(_seconds(trial)):>10}",
            f"{self._left():>18}",
            trial.user_attrs.get(TrialAttribute.ERROR) or _describe(trial.params),
        ]
        if TrialAttribute.REUSED in trial.user_attrs:
            parts.append(f"as {trial.user_attrs[TrialAttribute.REUSED]}")
        self._console.line(f"trial {trial.number}", "  ".join(parts))

    def end(self, command: str | None) -> None:
        """command: what shows the study's runs, if they were recorded: on the screen, or an address."""
        from lmao.trained.saved import FOLDER as CLASSIFIER  # with all that its trials import

        counts = Counter(STATES[trial.state] for trial in self._study.finished_trials())
        done = f"{self._study.name} · " + ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
        running = len(self._study.counted_trials()) - len(self._study.finished_trials())
        if running:
            done += f", {running} running elsewhere"
        missing = self._study.n_trials - len(self._study.counted_trials())
        if missing > 0:
            done += f", {missing} not begun"
        best = self._best()
        if best:
            done += f" · best {best.values[0]:.4f} (trial {best.number})"
        self._console.line("done", done)
        folder = best and Path(best.user_attrs[TrialAttribute.FOLDER])
        if folder and (folder / CLASSIFIER).is_dir():  # False on another machine
            model = shlex.quote(str(from_here(folder)))
            self._console.line("predict", f"python -m lmao.predict --model {model} texts.csv")
        url = typed(self._study.url)
        here = "" if url == STORAGE else f" --storage {shlex.quote(url)}"
        compare = "" if command is None else f"   compare: {command}, run {self._study.name}"
        self._console.line("", f"table: python -m lmao.report{here}{compare}")
        self._console.line("", f"study: optuna-dashboard {shlex.quote(url)}   (pip install optuna-dashboard)")
        if make_url(self._study.url).password:
            self._console.line("", "passwords are left out above: put the database's into PGPASSWORD")

    def lost(self, error: Exception) -> None:
        """A launcher has lost its jobs."""
        line = next(iter(str(error).splitlines()), "")
        self._console.warn(f"a job died, its trial is queued again: {type(error).__name__}: {without_passwords(line)}")

    def _best(self) -> FrozenTrial | None:
        return best_of([trial for trial in self._study.finished_trials() if trial.state == TrialState.COMPLETE])

    def _left(self) -> str:
        finished = self._study.finished_trials()
        missing = self._study.n_trials - len(finished)
        here = [t for t in finished if t.datetime_complete and t.datetime_complete.timestamp() >= self._began]
        if missing <= 0 or not here:
            return "the last"
        return f"{duration((time.time() - self._began) / len(here) * missing)} left"


def _seconds(trial: FrozenTrial) -> float:
    return trial.duration.total_seconds() if trial.duration else 0.0


def _outcome(trial: FrozenTrial) -> str:
    return f"{trial.values[0]:.4f}" if trial.state == TrialState.COMPLETE else STATES[trial.state]


def _describe(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{_short(name)} {_number(value)}" for name, value in params.items())


def _short(name: str) -> str:
    return next((name.removeprefix(section) for section in SHORT if name.startswith(section)), name)


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
