"""Two of Optuna's own plots, for the study's run in MLflow."""

import warnings
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

ENOUGH = 4  # complete trials, for importances to say anything


def study_plots(study: optuna.Study, folder: Path) -> list[Path]:
    """Optimisation history, and the settings' importances (fANOVA, Hutter et al. 2014) once there are trials enough."""
    complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    values = {trial.values[0] for trial in complete}
    drawn = []
    plt.switch_backend("Agg")  # some open a window
    with matplotlib.rc_context({"figure.constrained_layout.use": True}), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        if complete:
            optuna.visualization.matplotlib.plot_optimization_history(study)
            drawn.append(_save(folder / "optimisation_history.png"))
        shared = set.intersection(*(set(trial.params) for trial in complete)) if complete else set()
        if len(complete) >= ENOUGH and len(values) > 1 and shared:
            evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
            optuna.visualization.matplotlib.plot_param_importances(study, evaluator=evaluator)
            drawn.append(_save(folder / "setting_importances.png"))
    return drawn


def _save(path: Path) -> Path:
    plt.savefig(path, dpi=120)
    plt.close()
    return path
