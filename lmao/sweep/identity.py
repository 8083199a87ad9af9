"""What makes a study the one it is: its name, and the attributes that mustn't change when it is gone on with."""

import re
from collections.abc import Mapping
from typing import Any

from optuna.distributions import CategoricalDistribution

from lmao.config.run import Config, flat
from lmao.config.textcat import LinearTextcat
from lmao.config.tracking import MlflowTracking
from lmao.data.document import Source
from lmao.database import absolute
from lmao.passwords import masked
from lmao.run.result import code_version
from lmao.sweep.samplers import GRID
from lmao.sweep.space import EPOCHS, Space
from lmao.vectors.loading import table_digest

DEFAULT_SAMPLER = "tpe"
NOT_SCIENCE = ("tracking", "cache_dir", "threads", "device", "evaluate_test", "sweep", "space")


def name_of(settings: Config, space: Space, sampler: str, experiment: str | None) -> str:
    """<experiment or data>-<objective>-pretrain<epochs>, and the sampler where it isn't the default one."""
    parts = [experiment or settings.data.name]
    if isinstance(settings.textcat, LinearTextcat):
        features = settings.textcat.features
        parts.append("linear" if features == "ngrams" else f"linear-{features}")
    else:
        parts.append(settings.objective.name)
        if EPOCHS not in space.distributions:
            parts.append(f"pretrain{settings.pretrain.epochs}")
    if sampler != DEFAULT_SAMPLER:
        parts.append(sampler)
    return "-".join(parts)


def same_attributes(settings: Config, space: Space, sampler: str, inputs: Mapping[str, str]) -> dict[str, Any]:
    """science: the settings that all trials have; inputs: the texts and tables, where these are the same in all. A
    grid may grow by numbers: only its names are compared."""
    varied = {*space.distributions} | ({"seed"} - space.named)
    science = {name: value for name, value in flat(settings.science()).items() if not _is_one_of(name, varied)}
    varying = {"names": _names(space.of_a_grid())} if sampler == GRID else {"space": space.record()}
    inputs = {
        name: of for name, of in inputs.items() if not any(_is_one_of(one.rpartition("@")[2], {name}) for one in varied)
    }
    return {"science": science, "inputs": inputs, "sampler": sampler, **varying}


def inputs_of(settings: Config, source: Source) -> dict[str, str]:
    """Which texts and tables the settings name, by what is in them: paths differ between machines."""
    digests = {name: table_digest(table) for name, table in settings.tables.items()}
    found = {"data": source.fingerprint(), **digests}
    return {name: digest[:12] for name, digest in found.items() if digest is not None}


def attributes(settings: Config, space: Space, rerun_of: str | None) -> dict[str, Any]:
    """What else a study remembers, of its last start."""
    record: dict[str, Any] = {
        "overrides": [one for one in space.fixed if _section(one) not in NOT_SCIENCE],
        "space": space.record(),
        "commit": code_version(),
        "evaluate_test": settings.evaluate_test,
    }
    if isinstance(settings.tracking, MlflowTracking):
        record["tracking_uri"] = masked(absolute(settings.tracking.uri))
    if rerun_of is not None:
        record["rerun_of"] = rerun_of
    return record


def _section(override: str) -> str:
    """`tracking` of ++tracking.uri=…, or of tracking@…"""
    return re.split(r"[.=@]", override.lstrip("+~"))[0]


def _is_one_of(setting: str, varied: set[str]) -> bool:
    """Also where its group is."""
    return any(setting == name or setting.startswith(f"{name}.") for name in varied)


def _names(space: Space) -> Mapping[str, str]:
    named = {name: one for name, one in space.distributions.items() if isinstance(one, CategoricalDistribution)}
    return Space(named, [], frozenset()).record()
