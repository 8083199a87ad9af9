"""The study's run where runs are recorded, the parent of its trials' runs. With tracking=off there is none."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from lmao.database import exclusive, patiently
from lmao.pictures import attempt
from lmao.stop import StopSignal
from lmao.sweep.models import best_trial, keep_best_model
from lmao.sweep.plots import study_plots
from lmao.sweep.records import StudyAttribute, TrialAttribute
from lmao.sweep.study import SharedStudy
from lmao.tracking.kept import KEPT, LATER
from lmao.tracking.sending import send_below
from lmao.tracking.store import TrackingStore

ABOUT = (  # the run's parameters
    StudyAttribute.SAMPLER,
    StudyAttribute.N_TRIALS,
    StudyAttribute.SPACE,
    StudyAttribute.SCIENCE,
    StudyAttribute.COMMIT,
)


class ParentRun:
    """Created by the first worker; the others wait for it."""

    def __init__(self, study: SharedStudy, store: TrackingStore, keep_models: str, warn: Callable[[str], None]) -> None:
        self._study = study
        self._store = store
        self._keep_models = keep_models
        self._warn = warn
        self.run_id: str | None = None
        patiently(study.url, self._open)

    def _open(self) -> None:
        study = self._study.study
        with exclusive(self._study.url), StopSignal.uninterrupted():
            attributes = study.user_attrs
            key, old = attributes[StudyAttribute.RUN_KEY], attributes.get(StudyAttribute.RUN_ID)
            about = {name: attributes[name] for name in ABOUT}
            done = self._study.is_complete()
            self.run_id = self._store.open_study(self._study.name, key, about, self.run_id or old, done)
            if self.run_id not in (None, old):
                study.set_user_attr(StudyAttribute.RUN_ID, self.run_id)

    def end_lost_runs(self) -> None:
        self._store.end_lost(self.run_id, self._study.numbers(TrialState.FAIL))

    def send_kept(self) -> None:
        """What the study's runs reported while the store was away."""
        left = send_below(self._study.folder, self._store)
        if left:
            self._warn(f"{left} runs are not in MLflow, which is away, but in {self._study.folder}/*/{KEPT}; {LATER}")

    def keep_models(self) -> None:
        def kept() -> None:
            with exclusive(self._study.url), StopSignal.uninterrupted():
                keep_best_model(self._study.study, self._study.folder)

        if self._keep_models == "best":
            patiently(self._study.url, kept)

    def stop(self) -> None:
        """This worker was stopped."""
        self.end_lost_runs()
        self._end(self._status(), {}, None, [])

    def finish(self, failed: bool) -> None:
        """This worker has no more to do."""
        self.end_lost_runs()
        status = "FAILED" if failed else self._status()
        with tempfile.TemporaryDirectory() as folder:
            plots = attempt(lambda: study_plots(self._study.study, Path(folder)), "the study's plots", self._warn) or []
            patiently(self._study.url, lambda: self._close(status, plots))

    def _status(self) -> str:
        """KILLED where trials are left and nobody runs any."""
        running = "RUNNING" if self._study.numbers(TrialState.RUNNING) else "KILLED"
        return "FINISHED" if self._study.is_complete() else running

    def _close(self, status: str, plots: Sequence[Path]) -> None:
        with exclusive(self._study.url):  # another worker may find a better model, and remove this one
            best = best_trial(self._study.study)
            if best is None:
                self._end(status, {}, None, plots)
                return
            model = Path(best.user_attrs[TrialAttribute.FOLDER]) / "model"
            kept = self._keep_models != "none" and model.exists()  # False on another machine
            self._end(status, {"trial": best.number, **best.params}, best.values[0], [*plots, *[model] * kept])

    def _end(self, status: str, best: Mapping[str, Any], accuracy: float | None, files: Sequence[Path]) -> None:
        self._store.end_study(self.run_id, status, best, accuracy, files, self._warn)
