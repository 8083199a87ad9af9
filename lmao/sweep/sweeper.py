"""The sweep: trials are claimed from the shared study, run through Hydra's launcher and recorded until all are done."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from hydra_plugins.hydra_optuna_sweeper._impl import OptunaSweeperImpl
from omegaconf import DictConfig, OmegaConf, read_write
from optuna.trial import FrozenTrial, TrialState

from lmao.cli import require_one_folder
from lmao.config.overrides import quote
from lmao.config.run import Config
from lmao.config.sweep import validate_sweep
from lmao.console import Console, counted
from lmao.database import patiently
from lmao.engine.team import available_threads
from lmao.errors import Diverged, OutOfMemory, Pruned, Unavailable, UserError
from lmao.explain import explain, trouble
from lmao.passwords import without_passwords
from lmao.paths import CONF
from lmao.sweep.corners import Corners
from lmao.sweep.identity import attributes, name_of, same_attributes
from lmao.sweep.inputs import Inputs
from lmao.sweep.lines import Lines
from lmao.sweep.models import best_trial
from lmao.sweep.parent import ParentRun
from lmao.sweep.places import absolute_paths, local_places
from lmao.sweep.records import StudyAttribute, TrialAttribute
from lmao.sweep.samplers import GRID, sampler_at, sampler_name
from lmao.sweep.space import Space, overrides
from lmao.sweep.storage import DATABASE, storage_errors
from lmao.sweep.study import SharedStudy
from lmao.sweep.trial import Spec, TrialTask
from lmao.tracking.store import open_store

WAIT_SECONDS = 15  # between two looks at what others run
DEFAULTS = {"seed": 0, "threads": None}  # of conf/config.yaml; a sweep has its own unless others are given


class StudySweep(OptunaSweeperImpl):
    """Settings: conf/hydra/sweeper/lmao.yaml."""

    def __init__(self, *, sampler: Any = None, pruner: Any = None, params: Any = None, **settings: Any) -> None:
        self._own = validate_sweep(settings)
        _require_choice("sampler", sampler, "sweep=tpe, random, qmc or grid")
        _require_choice("pruner", pruner, "hydra/sweeper/pruner=median, hyperband or none")
        if not isinstance(params, DictConfig | None):
            raise UserError(
                f"{params} is no space",
                setting="hydra.sweeper.params",
                advice="choose one with space=full or finetuning",
            )
        super().__init__(
            sampler, "maximize", self._own.storage, self._own.study_name, self._own.n_trials, self._own.n_jobs,
            self._own.max_failure_rate, None, params,
        )  # fmt: skip
        self._pruner: Any = OmegaConf.to_container(pruner, resolve=True)
        self._sampler_name = sampler_name(sampler)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._task = TrialTask(task_function)
        super().setup(hydra_context=hydra_context, task_function=self._task, config=config)
        assert self.launcher is not None
        self._launcher: Launcher = self.launcher
        self._corners = Corners(hydra_context.config_loader, config, self._parse_sweeper_params_config())
        self._config = config

    def sweep(self, arguments: list[str]) -> None:
        """Raises UserError for what a user can fix, before anything is created; and if too many trials failed."""
        console = Console()
        require_one_folder(self._config.hydra)
        space, composed = self._corners.read(arguments)
        chooses = composed.textcat.name == "auto" and not any(one.startswith("textcat=") for one in arguments)
        if chooses:
            space, _ = self._corners.read([*arguments, "textcat=cnn"])
        space = space.without_unused(*self._corners.of_each("textcat", space))
        options = self._corners.options(space)
        for group, choices in options.items():
            space = space.without_unused(*choices, group=group)
        settings = self._corners.check(space)
        held = {name for name, default in DEFAULTS.items() if getattr(settings, name) != default}  # by a file of conf/
        space = replace(space, fixed=[*space.fixed, *absolute_paths(settings)], named=space.named | held)
        if not settings.data.labelled:
            what = "a sweep compares accuracies, and without labels there are none"
            raise UserError(what, setting="data.path", advice="give the labelled texts, or start one run")
        inputs = Inputs(settings, console.warn)
        points = space.points() if self._sampler_name == GRID else []
        if len(points) > self._own.n_trials:
            left = f"{len(points) - self._own.n_trials:,} of the grid's {len(points):,} points"
            console.warn(f"hydra.sweeper.n_trials={self._own.n_trials} leaves out {left}")
        experiment = self._config.hydra.runtime.choices.get("experiment")
        name = self._own.study_name or name_of(settings, space, self._sampler_name, experiment)
        folder, named = self._folder(name)
        with read_write(self._config.hydra.sweep):  # the launcher creates it
            self._config.hydra.sweep.dir = str(folder)
        study = SharedStudy(self._own.storage, name, folder, partial(sampler_at, self.sampler), self._own.max_losses)
        store = open_store(settings.tracking)
        store.prepare(study.url)
        lost = study.prepare(
            same_attributes(settings, space, self._sampler_name, inputs.digests, options) | self._search(),
            attributes(settings, space, self._own.rerun_of), self._own.n_trials, points,
        )  # fmt: skip
        if chooses:
            console.line("textcat", "cnn: the default, textcat=auto, chooses by itself and leaves nothing to search")
        places = local_places(settings, study.url, folder, named)
        if places is not None:
            console.line("paths", places)
        lines = Lines(console, study)
        try:
            with storage_errors(study.url, DATABASE):
                lines.begin(self._sampler_name, len(space.distributions), lost)
                parent = ParentRun(study, store, settings.tracking.keep_models, console.warn)
                try:
                    told = self._run(study, space.of_a_grid() if points else space, settings, inputs, parent, lines)
                except BaseException:
                    with suppress(UserError, *DATABASE):  # what stopped the sweep is the news
                        study.requeue(0)
                        parent.stop()
                    raise
                too_many = self._too_many_failures(study) or self._own_failures(study, told)
                parent.finish(failed=too_many is not None)
                patiently(study.url, lambda: self._write_best(study))
                lines.end(store.command)
            if too_many is not None:
                raise UserError(too_many)
        finally:
            study.close()

    def _run(
        self, study: SharedStudy, space: Space, settings: Config, inputs: Inputs, parent: ParentRun, lines: Lines
    ) -> Sequence[FrozenTrial]:
        """Returns: the trials that this worker ended.

        Raises:
            UserError: the machine is to blame for how a trial ended.
        """

        def suggest(trial: optuna.Trial) -> None:
            space.suggest(trial, settings.pretrain.epochs)

        told: list[FrozenTrial] = []
        while self._too_many_failures(study) is None:
            own = self._own.worker_trials
            most = self.n_jobs if own is None else min(self.n_jobs, own - len(told))
            if not most:
                break
            trials, lost = study.claim(most, suggest, space.numbers_seeds(self._sampler_name))
            if lost:
                parent.end_lost_runs()
            if not trials and self._own.wait and not study.is_complete():
                time.sleep(WAIT_SECONDS)
                continue
            if not trials:
                break
            troubles = []
            with study.alive(trials):
                jobs = self._launch(study, space, trials, parent, lines)
                inputs.require_unchanged()  # large files on a slow disk take minutes
                for trial, job in jobs:
                    trouble = self._trouble(job, inputs)
                    if trouble is None:
                        told.append(self._tell(study, trial, job))
                        lines.trial(told[-1])
                    else:
                        troubles.append(trouble)
            parent.keep_models()
            parent.send_kept()
            if any(isinstance(one, OutOfMemory) for one in troubles):
                study.requeue(1)  # as of a kill: the point may be to blame, and must not end every worker for ever
            if troubles:
                raise troubles[0]
        return told

    def _search(self) -> dict[str, Any]:
        """How points are drawn and trials ended early, for the study: of a grid nothing is drawn."""
        sampler: Any = OmegaConf.to_container(self.sampler, resolve=True)
        drawn = {f"hydra.sweeper.sampler.{name}": value for name, value in sampler.items()}
        ended = {f"hydra.sweeper.pruner.{name}": value for name, value in self._pruner.items()}
        return {StudyAttribute.SEARCH: ended if self._sampler_name == GRID else {**drawn, **ended}}

    def _launch(
        self, study: SharedStudy, space: Space, trials: Sequence[optuna.Trial], parent: ParentRun, lines: Lines
    ) -> list[tuple[optuna.Trial, JobReturn]]:
        """Run claimed trials."""
        jobs = []
        self._task.specs = {}
        for trial in trials:
            self._task.specs[str(trial.number)] = Spec(
                study.url, study.name, trial.number, trial._trial_id, self._pruner, self._own.reuse, parent.run_id,
                os.getcwd(),
            )  # fmt: skip
            jobs.append([*space.fixed, *overrides(trial.params), *self._own_overrides(trial, space, study.folder)])
        try:
            returns = self._launcher.launch(jobs, initial_job_idx=trials[0].number)
        except Exception as error:
            if trouble(error) is not None:
                raise
            study.requeue(1)
            lines.lost(error)
            return []
        return list(zip(trials, returns, strict=True))

    def _trouble(self, job: JobReturn, inputs: Inputs) -> UserError | None:
        """What is wrong with the machine, if that ended a job: then its trial hasn't failed, it is still to be run."""
        error = job._return_value
        if not isinstance(error, UserError) or isinstance(error, Diverged | Unavailable):
            return error if isinstance(error, Unavailable) else None
        return inputs.trouble()  # they were there when the sweep began

    def _own_overrides(self, trial: optuna.Trial, space: Space, folder: Path) -> list[str]:
        """A trial's folder and seed, and one thread beside other workers."""
        own = [f"hydra.sweep.dir={quote(str(folder))}", f"hydra.sweep.subdir='{trial.number}'"]
        if TrialAttribute.SEED in trial.user_attrs:
            own.append(f"seed={trial.user_attrs[TrialAttribute.SEED]}")
        if "threads" not in space.named:
            own.append(f"threads={max(1, available_threads() // self.n_jobs) if self.n_jobs > 1 else 1}")
        return own

    def _tell(self, study: SharedStudy, trial: optuna.Trial, job: JobReturn) -> FrozenTrial:
        if job.status == JobStatus.COMPLETED:
            return study.tell(trial, TrialState.COMPLETE, float(job.return_value))
        error = job._return_value
        if isinstance(error, Pruned):
            return study.tell(trial, TrialState.PRUNED)
        line = explain(error) or f"{type(error).__name__}: {error}"
        return study.tell(trial, TrialState.FAIL, error=without_passwords(line))

    def _too_many_failures(self, study: SharedStudy) -> str | None:
        failed = [trial for trial in study.finished_trials() if trial.state == TrialState.FAIL]
        if len(failed) <= self.max_failure_rate * study.n_trials:
            return None
        return (
            f"study {study.name}: {len(failed)} of {study.n_trials} trials failed, more than "
            f"hydra.sweeper.max_failure_rate={self.max_failure_rate:g} allows; "
            f"the last: {failed[-1].user_attrs[TrialAttribute.ERROR]}"
        )

    def _own_failures(self, study: SharedStudy, told: Sequence[FrozenTrial]) -> str | None:
        """A worker of few trials goes before they say something about the study: whoever waits for it must hear."""
        errors = [trial.user_attrs.get(TrialAttribute.ERROR) for trial in told]  # none where it was given up meanwhile
        if self._own.worker_trials is None or not errors or None in errors:
            return None
        failed = counted(len(errors), "trial")
        return f"study {study.name}: {failed} of this worker failed, no other ended; the last: {errors[-1]}"

    def _folder(self, name: str) -> tuple[Path, str | None]:
        """multirun/<study>; in another folder than multirun where hydra.sweep.dir names one, which comes second."""
        typed = OmegaConf.to_container(self._config.hydra.sweep, resolve=False)
        assert isinstance(typed, dict)
        named = None if typed["dir"] == _default_folder() else str(self._config.hydra.sweep.dir)
        return (Path(named or "multirun") / name).absolute(), named

    def _write_best(self, study: SharedStudy) -> None:
        """What the plugin writes, where it writes it."""
        best = best_trial(study.study)
        if best is not None:
            found = {"name": "optuna", "best_params": dict(best.params), "best_value": best.values[0]}
            OmegaConf.save(OmegaConf.create(found), study.folder / "optimization_results.yaml")


def _default_folder() -> str:
    """hydra.sweep.dir as conf/config.yaml has it, which is for sweep=basic."""
    config = OmegaConf.to_container(OmegaConf.load(CONF / "config.yaml"), resolve=False)
    folder: str = config["hydra"]["sweep"]["dir"]  # type: ignore[index,call-overload]
    return folder


def _require_choice(name: str, value: Any, known: str) -> None:
    """Raises UserError: a group of the sweeper was taken away, or something else put in its place."""
    if not isinstance(value, DictConfig) or "_target_" not in value:
        what = f"{value} is none" if value else "there is none"
        raise UserError(what, setting=f"hydra.sweeper.{name}", advice=f"choose one with {known}")
