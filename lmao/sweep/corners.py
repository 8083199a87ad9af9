"""Before a sweep: a command line comes in, its space and the settings at a corner go out, tried at each of its ends."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig, OmegaConf

from lmao import cli
from lmao.config.overrides import text_settings
from lmao.config.run import Config, flat
from lmao.config.validation import validate
from lmao.errors import UserError
from lmao.sweep.space import Space, overrides, read_space


class Corners:
    """config: the sweep's own; parameters: the space in it, as overrides."""

    def __init__(self, loader: ConfigLoader, config: DictConfig, parameters: Sequence[str]) -> None:
        self._loader = loader
        self._config = config
        self._parameters = list(parameters)

    def read(self, arguments: Sequence[str]) -> tuple[Space, Config]:
        """The space, and the settings beside it; the first of several files or names, as there may have to be one.

        Raises:
            UserError: a setting can't be used.
        """
        space = read_space(self._parameters, list(arguments))
        return space, self._beside(space, {})

    def of_each(self, group: str, space: Space) -> Sequence[Config]:
        """The settings beside a space with each option of a group that varies; once if it doesn't.

        Raises:
            UserError: one can't be used.
        """
        options = space.ends()[group] if group in space.distributions else []
        return [self._beside(space, {group: option}) for option in options] or [self._beside(space, {})]

    def options(self, space: Space) -> Mapping[str, Sequence[Config]]:
        """`of_each` of all groups that vary, recipes for example, but for those that others that vary must go with."""
        known = flat(cli.plain(self._compose(space.fixed)))
        found = {}
        for group in space.distributions:
            if group not in known:
                with suppress(UserError):
                    found[group] = self.of_each(group, space)
        return found

    def _beside(self, space: Space, chosen: Mapping[str, Any]) -> Config:
        texts = {name: values[0] for name, values in space.ends().items() if name in text_settings()}
        return _validate(self._compose([*space.fixed, *overrides({**texts, **chosen})]))

    def check(self, space: Space) -> Config:
        """The settings at one corner of the space. Each value is tried at two of them, as some may not fit all others.

        Raises:
            UserError: one can't be used at either.
        """
        ends = space.ends()
        corners = [{name: values[end] for name, values in ends.items()} for end in (0, -1)]
        composed = [self._compose([*space.fixed, *overrides(corner)]) for corner in corners]
        settings = [flat(cli.plain(one)) for one in composed]
        first = _validate(composed[0])
        for name, values in ends.items():
            for value in values:
                mistakes = []
                for corner, base, known in zip(corners, composed, settings, strict=True):
                    if name in known:
                        changed = OmegaConf.merge(base, OmegaConf.from_dotlist(overrides({name: value})))
                    else:  # a group
                        changed = self._compose([*space.fixed, *overrides({**corner, name: value})])
                    try:
                        _validate(changed)
                    except UserError as mistake:
                        mistakes.append(mistake)
                if len(mistakes) == len(corners):
                    raise mistakes[0]
        return first

    def _compose(self, fixed: Sequence[str]) -> DictConfig:
        config = self._loader.load_sweep_config(self._config, list(fixed))
        return OmegaConf.masked_copy(config, [str(name) for name in config if name != "hydra"])


def _validate(composed: Any) -> Config:
    return validate(cli.plain(composed))
