"""A study's identity: its name, and the attributes that mustn't change when it is resumed."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import CategoricalDistribution

from lmao.config.fields import Mark
from lmao.config.run import Config, flat
from lmao.config.textcat import LinearTextcat
from lmao.run.code import commit
from lmao.sweep.records import StudyAttribute
from lmao.sweep.samplers import GRID
from lmao.sweep.space import EPOCHS, Space
from lmao.tracking.store import open_store

DEFAULT_SAMPLER = "tpe"
NOT_SCIENCE = Config.marked(Mark.NOT_SCIENCE) | {"sweep", "space"}


def name_of(settings: Config, space: Space, sampler: str, experiment: str | None) -> str:
    """<experiment or data>-<objective>-pretrain<epochs>, and the sampler where it isn't the default one; textcat=auto
    goes before the objective."""
    parts = [experiment or settings.data.name]
    if isinstance(settings.textcat, LinearTextcat):
        features = settings.textcat.features
        parts.append("linear" if features == "ngrams" else f"linear-{features}")
    else:
        if settings.textcat.name == "auto":
            parts.append("auto")
        parts.append(settings.objective.name)
        if EPOCHS not in space.distributions:
            epochs = settings.pretrain.epochs
            parts.append(f"pretrain{'auto' if epochs is None else epochs}")
    if sampler != DEFAULT_SAMPLER:
        parts.append(sampler)
    return "-".join(parts)


def same_attributes(
    settings: Config,
    space: Space,
    sampler: str,
    inputs: Mapping[str, str],
    options: Mapping[str, Sequence[Config]] | None = None,
) -> dict[str, Any]:
    """science: the settings that all trials share; inputs: the texts and tables that all trials share. A grid may get
    more numbers later: only its settings that aren't numbers are compared. options: the settings with each option of
    the groups that vary."""
    varied = {*space.distributions} | ({"seed"} if space.numbers_seeds(sampler) else set())
    for choices in (options or {}).values():
        varied |= _differing([flat(choice.science()) for choice in choices])
    science = {name: value for name, value in flat(settings.science()).items() if not _is_one_of(name, varied)}
    varying = (
        {StudyAttribute.NAMES: _names(space.of_a_grid())} if sampler == GRID else {StudyAttribute.SPACE: space.record()}
    )
    inputs = {
        name: of for name, of in inputs.items() if not any(_is_one_of(one.rpartition("@")[2], {name}) for one in varied)
    }
    return {
        StudyAttribute.SCIENCE: science,
        StudyAttribute.INPUTS: inputs,
        StudyAttribute.SAMPLER: sampler,
        **varying,
    }


def attributes(settings: Config, space: Space, rerun_of: str | None) -> dict[str, Any]:
    """What else a study remembers, from its last start."""
    record: dict[str, Any] = {
        StudyAttribute.OVERRIDES: [one for one in space.fixed if _section(one) not in NOT_SCIENCE],
        StudyAttribute.SPACE: space.record(),
        StudyAttribute.COMMIT: commit(),
        StudyAttribute.EVALUATE_TEST: settings.evaluate_test,
    }
    uri = open_store(settings.tracking).uri
    if uri is not None:
        record[StudyAttribute.TRACKING_URI] = uri
    if rerun_of is not None:
        record[StudyAttribute.RERUN_OF] = rerun_of
    return record


def difference(name: str, old: Any, new: Any) -> str:
    """The settings in which an attribute has changed, as a text for the user."""

    def text(values: Mapping[str, Any], name: str) -> str:
        return json.dumps(values[name]) if name in values else "not there"

    if not isinstance(old, Mapping):
        return f"{name}: {old} then, {new} now"
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    if name == StudyAttribute.INPUTS:
        return f"the files of {' and '.join(names)} are others now"
    return ", ".join(f"{name}: {text(old, name)} then, {text(new, name)} now" for name in names[:3]) + (
        f" and {len(names) - 3} more" if len(names) > 3 else ""
    )


def _differing(sciences: Sequence[Mapping[str, Any]]) -> set[str]:
    names = set().union(*sciences)
    return {name for name in names if any(name not in one or one[name] != sciences[0].get(name) for one in sciences)}


def _section(override: str) -> str:
    """`tracking` of ++tracking.uri=…, or of tracking@…"""
    return re.split(r"[.=@]", override.lstrip("+~"))[0]


def _is_one_of(setting: str, varied: set[str]) -> bool:
    """Whether the setting, or its group, is among them."""
    return any(setting == name or setting.startswith(f"{name}.") for name in varied)


def _names(space: Space) -> Mapping[str, str]:
    named = {name: one for name, one in space.distributions.items() if isinstance(one, CategoricalDistribution)}
    return Space(named, [], frozenset()).record()
