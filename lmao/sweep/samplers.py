"""The sampler of one trial: what it draws depends on the seed and the place of the trial, not on who draws it."""

import warnings
from typing import Any

import optuna
from hydra.utils import instantiate
from omegaconf import DictConfig
from optuna.exceptions import ExperimentalWarning

from lmao.streams import key

GRID = "grid"
OPTUNA = ["optuna.*", "hydra_plugins.*"]  # what settings may name
COMMON_SEQUENCE = "qmc"  # one sequence for all trials: its seed must not change


def sampler_name(settings: DictConfig) -> str:
    """`tpe` of optuna.samplers.TPESampler."""
    return str(settings["_target_"]).rpartition(".")[2].removesuffix("Sampler").lower()


def sampler_at(settings: DictConfig, place: int) -> optuna.samplers.BaseSampler:
    """settings: hydra.sweeper.sampler; a grid's points are in the study already."""
    name, seed = sampler_name(settings), settings.get("seed")
    if name == GRID:
        return optuna.samplers.RandomSampler()
    drawn = None if seed is None else key(seed, "sampler", place) % (1 << 32)
    if name == COMMON_SEQUENCE:
        own: dict[str, Any] = {"independent_sampler": optuna.samplers.RandomSampler(drawn)}
    else:
        own = {"seed": drawn}
    with warnings.catch_warnings(action="ignore", category=ExperimentalWarning):
        sampler: optuna.samplers.BaseSampler = instantiate(settings, **own, _execution_whitelist_=OPTUNA)
    return sampler
