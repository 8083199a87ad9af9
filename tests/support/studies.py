"""Studies in this process: samplers, spaces, and what becomes of workers and their trials."""

from collections.abc import Callable
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from lmao.sweep.space import Space
from lmao.sweep.study import SharedStudy

OWN: dict[str, dict[str, Any]] = {
    "TPE": {"n_startup_trials": 3, "constant_liar": True},
    "Random": {},
    "QMC": {"scramble": True, "warn_independent_sampling": False},
    "Grid": {},
}
SAMPLERS = {
    name.lower(): OmegaConf.create({"_target_": f"optuna.samplers.{name}Sampler", "seed": 0, **own})
    for name, own in OWN.items()
}
CONTINUOUS = ["optimizer.learn_rate=tag(log,interval(0.0001,0.1))", "textcat.dropout=interval(0.0,0.5)"]
DISCRETE = ["textcat.batch_size=choice(2,4,8)", "optimizer.beta1=choice(0.0,0.5,0.9)"]
BUDGET = 9

Open = Callable[..., SharedStudy]


def die(study: SharedStudy) -> None:
    """What the system does when a worker is killed."""
    study._worker._lock.release()


def claim(study: SharedStudy, space: Space, own_seeds: bool = True) -> optuna.Trial | None:
    trials, _ = study.claim(1, lambda trial: space.suggest(trial, epochs=1), own_seeds)
    return trials[0] if trials else None


def accuracy(trial: FrozenTrial | optuna.Trial) -> float:
    """Something that depends on the point."""
    return sum(len(str(value)) + float(value) for value in trial.params.values() if not isinstance(value, str)) % 1


def run_all(study: SharedStudy, space: Space, most: int = BUDGET) -> None:
    for _ in range(most):
        trial = claim(study, space)
        if trial is None:
            break
        study.tell(trial, TrialState.COMPLETE, accuracy(trial))
