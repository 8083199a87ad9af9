"""tracking.keep_models=best: of a study's models only the best trial's is kept."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from lmao.run.folder import MODELS, SPACY_TRAIN
from lmao.sweep.reading import record_of
from lmao.sweep.records import TrialAttribute, rank

MODEL_FILES = (*MODELS, *SPACY_TRAIN)


def best_trial(study: optuna.Study) -> FrozenTrial | None:
    return best_of(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]))


def best_of(complete: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """The one that `StudyRecord.best` names."""
    return min(complete, key=lambda trial: rank(record_of(trial)), default=None)


def keep_best_model(study: optuna.Study) -> None:
    """Remove the models of all other trials; a folder on another machine is left to the workers there."""
    best = best_trial(study)
    kept = best.user_attrs.get(TrialAttribute.FOLDER) if best else None
    for trial in study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.FAIL]):  # lost ones too
        folder = trial.user_attrs.get(TrialAttribute.FOLDER)
        if folder in (None, kept):
            continue
        half = (path for name in MODEL_FILES for path in Path(folder).glob(f".{name}[-.]*"))
        for path in (*(Path(folder) / name for name in MODEL_FILES), *half):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
