"""tracking.keep_models=best: of a study's models only the best trial's is kept."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from lmao.run.folder import MODELS, SPACY_TRAIN
from lmao.sweep.reading import record_of
from lmao.sweep.records import rank

MODEL_FILES = (*MODELS, *SPACY_TRAIN)


def best_trial(study: optuna.Study) -> FrozenTrial | None:
    return best_of(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]))


def best_of(complete: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """The one that `StudyRecord.best` names."""
    return min(complete, key=lambda trial: rank(record_of(trial)), default=None)


def keep_best_model(study: optuna.Study, folder: Path) -> None:
    """Remove the models of all other trials from the study's folder. What a trial says of where it ran is not followed:
    that may be another machine, or the place that this folder was copied from."""
    best = best_trial(study)
    for trial in study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.FAIL]):  # lost ones too
        if best is not None and trial.number == best.number:
            continue
        own = folder / str(trial.number)
        half = (path for name in MODEL_FILES for path in own.glob(f".{name}[-.]*"))
        for path in (*(own / name for name in MODEL_FILES), *half):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
