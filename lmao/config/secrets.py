"""Passwords on the command line: they go into this process's environment, `${oc.env:…}` into their place.

What Hydra writes down then has none, nor have the names of the processes that are started with these arguments; they
inherit the variables.
"""

import os
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from lmao.config.overrides import quote
from lmao.passwords import VARIABLE, replaced, without_passwords


def kept_in_environment(arguments: Sequence[str]) -> list[str]:
    """Arguments for Hydra, without the passwords of the URLs in them."""
    return [_taken_out(argument) if without_passwords(argument) != argument else argument for argument in arguments]


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
