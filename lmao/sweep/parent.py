"""The study's run in MLflow, the parent of its trials' runs. With tracking=off there is none."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lmao.config.tracking import AnyTracking
from lmao.database import exclusive
from lmao.sweep.models import best_trial, keep_best_model
from lmao.sweep.plots import study_plots
from lmao.sweep.study import SharedStudy
from lmao.tracking.mlflow import end_lost_runs, end_study_run, open_study_run

ABOUT = ("sampler", "n_trials", "space", "science", "commit")


class ParentRun:
    """Made by the first worker, whom the others wait for."""

    def __init__(self, study: SharedStudy, tracking: AnyTracking, warn: Callable[[str], None]) -> None:
        self._study = study
        self._tracking = tracking
        self._warn = warn
        with exclusive(study.url):
            attributes = study.study.user_attrs
            known = attributes.get("mlflow_run_id")
            self.run_id = open_study_run(tracking, study.name, {name: attributes[name] for name in ABOUT}, known)
            if self.run_id not in (None, known):
                study.study.set_user_attr("mlflow_run_id", self.run_id)

    def end_lost_runs(self) -> None:
        end_lost_runs(self._tracking, self.run_id, self._study.running)

    def keep_models(self) -> None:
        if self._tracking.keep_models == "best":
            with exclusive(self._study.url):
                keep_best_model(self._study.study)

    def stop(self) -> None:
        """This worker was stopped."""
        self.end_lost_runs()
        self._end("RUNNING" if self._study.running() else "KILLED", {}, None, [])

    def finish(self, failed: bool) -> None:
        """This worker has no more to do."""
        self.end_lost_runs()
        status = "FAILED" if failed else "FINISHED" if self._study.is_complete() else "RUNNING"
        with tempfile.TemporaryDirectory() as folder:
            files = study_plots(self._study.study, Path(folder))
            with exclusive(self._study.url):  # another worker may find a better model, and remove this one
                best = best_trial(self._study.study)
                if best is None:
                    self._end(status, {}, None, files)
                    return
                model = Path(best.user_attrs["folder"]) / "model"
                if self._tracking.keep_models != "none" and model.exists():  # unless it is on another machine
                    files.append(model)
                self._end(status, {"trial": best.number, **best.params}, best.values[0], files)

    def _end(self, status: str, best: Mapping[str, Any], accuracy: float | None, files: Sequence[Path]) -> None:
        end_study_run(self._tracking, self.run_id, status, best, accuracy, files, self._warn)
