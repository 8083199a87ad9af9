"""Passwords on the command line and in a user's own YAML: they go into this process's environment, `${oc.env:…}` into
their place.

What Hydra writes down then has none, nor have the names of the processes that are started with these arguments; they
inherit the variables.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from lmao.config.overrides import quote
from lmao.passwords import VARIABLE, replaced, without_passwords


def kept_in_environment(arguments: Sequence[str]) -> list[str]:
    """Arguments for Hydra, without the passwords of the URLs in them."""
    return [_taken_out(argument) if without_passwords(argument) != argument else argument for argument in arguments]


class PasswordGuard(Callback):
    """Before Hydra writes its settings: the passwords that files have in them are taken out of these."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        _take_out(config)

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Each job's settings are read from the files again, so they are told as if they had been typed."""
        for setting, value in _take_out(config):
            kind = "hydra" if setting.startswith("hydra.") else "task"
            with read_write(config.hydra):
                config.hydra.overrides[kind].append(f"{setting}={quote(value)}")


def _take_out(config: DictConfig) -> list[tuple[str, str]]:
    """Settings with their new values, which they have now."""
    found = [
        (setting, replaced(text, _variable))
        for setting, text in _texts(OmegaConf.to_container(config, resolve=False))
        if "${" not in text and without_passwords(text) != text
    ]
    for setting, value in found:
        with read_write(config), read_write(config.hydra), open_dict(config):
            OmegaConf.update(config, setting, value)
    return found


def _texts(values: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each text in nested settings, under its dotted name; none in a list, or under a name with a dot in it."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _texts(value, f"{prefix}{name}.")
        elif isinstance(value, str) and "." not in str(name):
            yield f"{prefix}{name}", value


def _taken_out(argument: str) -> str:
    try:
        value = OverridesParser.create().parse_override(argument).value()
    except HydraException:
        return argument  # it will be refused
    if not isinstance(value, str) or "${" in value:
        return argument
    return f"{argument.partition('=')[0]}={quote(replaced(value, _variable))}"


def _variable(password: str) -> str:
    """The interpolation of a variable that holds it."""
    number = 0
    while os.environ.get(name := f"{VARIABLE}{number}", password) != password:
        number += 1
    os.environ[name] = password
    return f"${{oc.env:{name}}}"
