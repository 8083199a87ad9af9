"""Settings for a program: what would be typed comes in, a typed config goes out."""

from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from lmao import cli
from lmao.config.run import Config
from lmao.config.validation import validate
from lmao.paths import CONF


def composed(overrides: Sequence[str]) -> Config:
    """conf/ with overrides, each of them as Hydra's grammar reads it, also within a program that is Hydra's itself.

    Raises:
        UserError, hydra.errors.HydraException: an override that doesn't fit; `lmao.explain` has the line.
    """
    program = GlobalHydra.instance()
    hydra, program.hydra = program.hydra, None
    try:
        with initialize_config_dir(config_dir=str(CONF)):
            return validate(cli.plain(compose("config", list(overrides))))
    finally:
        GlobalHydra.instance().hydra = hydra
