"""What a sweep varies: conf/space/, changed by the command line; and the settings that it holds fixed."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import optuna
from hydra.errors import HydraException
from hydra_plugins.hydra_optuna_sweeper._impl import OptunaSweeperImpl, create_params_from_overrides
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

from lmao.config.run import Config, flat
from lmao.errors import UserError
from lmao.sweep.samplers import GRID

EPOCHS = "pretrain.epochs"
OF_WORDS = ("pretrain.mask_rate", "pretrain.vector_dropout")  # what is predicted from whole texts masks none
OF_TEXTS = ("pretrain.window_words",)  # to words it is only where long texts are cut
OF_THE_ENCODER = ("pretrain.", "optimizer.")  # what textcat=linear doesn't use


@dataclass(frozen=True)
class Space:
    """distributions by setting; fixed: the other overrides, as Hydra reads them; named: what the command line names."""

    distributions: Mapping[str, BaseDistribution]
    fixed: Sequence[str]
    named: frozenset[str]

    def ends(self) -> dict[str, list[Any]]:
        """Each setting's choices, or the two ends of its interval."""
        return {name: _ends(distribution) for name, distribution in self.distributions.items()}

    def points(self) -> list[dict[str, Any]]:
        """All of a grid's points.

        Raises:
            UserError: there is nothing to combine, or a setting's values can't be listed.
        """
        if not self.distributions:
            raise UserError(
                "sweep=grid has nothing to combine", advice="give settings several values, pretrain.epochs=0,1"
            )
        try:
            choices = [OptunaSweeperImpl._to_grid_sampler_choices(one) for one in self.distributions.values()]
        except ValueError:
            intervals = [
                name for name, one in self.distributions.items() if not isinstance(one, CategoricalDistribution)
            ]
            raise UserError(f"sweep=grid needs values, not intervals: {', '.join(intervals)}") from None
        return [dict(zip(self.distributions, values, strict=True)) for values in itertools.product(*choices)]

    def of_a_grid(self) -> "Space":
        """A grid's space, whose points are listed: numbers become intervals, so that a later start may add more."""
        return replace(self, distributions={name: _interval(one) for name, one in self.distributions.items()})

    def suggest(self, trial: optuna.Trial, epochs: int | None) -> None:
        """Draw a trial's settings; those of pre-training only where there is any.

        epochs: the fixed ones; None: left to the corpus, which asks for one at least.
        """
        for name in sorted(self.distributions, key=lambda name: name != EPOCHS):
            if not name.startswith("pretrain.") or name == EPOCHS or trial.params.get(EPOCHS, epochs) != 0:
                trial._suggest(name, self.distributions[name])  # as the plugin does: any kind of distribution

    def record(self) -> dict[str, str]:
        """Plain values for the study, which compares them when it is resumed."""
        return {name: distribution_to_json(one) for name, one in sorted(self.distributions.items())}

    def without_unused(self, *choices: Config, group: str = "textcat") -> "Space":
        """The space without the dimensions of conf/space/ that the settings don't use: of several choices of a group,
        none does.

        Raises:
            UserError: textcat=auto is left with nothing to search, or choices use different dimensions.
        """
        used, *others = [self._used(settings) for settings in choices]
        if any(other != used for other in others):
            raise UserError(
                "they have different settings to search",
                setting=f"{group}={','.join(map(str, self.ends()[group]))}",
                advice="search each in a study of its own, or add space=none",
            )
        return replace(self, distributions={name: one for name, one in self.distributions.items() if name in used})

    def _used(self, settings: Config) -> set[str]:
        def is_used(name: str) -> bool:
            if name.lstrip("+") in self.named:
                return True
            if settings.textcat.name == "auto":  # its arms choose for themselves
                return False
            if settings.textcat.name == "linear":
                return not name.startswith(OF_THE_ENCODER) and name in flat(settings.keys())
            if name.startswith("pretrain.") and EPOCHS not in self.distributions and not settings.pretrains:
                return False
            if "objective" in self.distributions:
                return True
            return bool(settings.word_parts) if name in OF_WORDS else name not in OF_TEXTS or settings.has_text_parts

        used = set(filter(is_used, self.distributions))
        if settings.textcat.name == "auto" and not used:
            raise UserError(
                "it chooses by itself, there is nothing to search",
                setting="textcat=auto",
                advice="choose textcat=cnn, or say what varies, seed=0,1,2",
            )
        return used

    def numbers_seeds(self, sampler: str) -> bool:
        """Whether the n-th trial has seed n. A seed that is given holds, and a grid's points are compared on one."""
        return sampler != GRID and "seed" not in {*self.named, *self.distributions}


def read_space(params: Sequence[str], arguments: Sequence[str]) -> Space:
    """params: of the sweeper's config; arguments: of the command line. The last one of a setting counts.

    Raises:
        UserError: one can't be searched.
    """
    last = {_setting(override): override.removeprefix("++") for override in [*params, *arguments]}
    distributions, values, deletions = _parsed(list(last.values()))
    return Space(
        distributions, [*overrides(values), *deletions], frozenset(_setting(override) for override in arguments)
    )


def _parsed(given: Sequence[str]) -> tuple[Mapping[str, BaseDistribution], Mapping[str, Any], Sequence[str]]:
    """As the plugin reads them.

    Raises:
        UserError: one can't be searched; the line names it.
    """
    try:
        return create_params_from_overrides(list(given))
    except HydraException:  # has a line of its own
        raise
    except Exception as error:
        if len(given) > 1:
            for override in given:
                _parsed([override])
        reason = str(error) or "a space that Optuna doesn't know"
        advice = "give choice(a,b), interval(low,high) or range(from,to,step)"
        raise UserError(reason.rstrip("."), setting=given[0], advice=advice) from None


def _setting(override: str) -> str:
    """`seed` of seed=3, or of ++seed=3."""
    return override.partition("=")[0].lstrip("+").strip()


def overrides(values: Mapping[str, Any]) -> list[str]:
    """Values as overrides of the command line. A text among them is as it was typed there, quotes included."""
    return [f"{name}={_as_text(value)}" for name, value in values.items()]


def _as_text(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ends(distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    return [distribution.low, distribution.high]  # type: ignore[attr-defined]  # intervals of either kind have them


def _interval(distribution: BaseDistribution) -> BaseDistribution:
    if not isinstance(distribution, CategoricalDistribution):
        return distribution
    choices: Any = distribution.choices
    kinds = {type(choice) for choice in choices}
    if kinds == {int}:
        return IntDistribution(min(choices), max(choices))
    if kinds <= {int, float}:  # 0,0.1 has both
        return FloatDistribution(float(min(choices)), float(max(choices)))
    return distribution
