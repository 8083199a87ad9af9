"""`python -m lmao.check data=files data.path=texts.csv`: what a run with these settings would learn from, and what is
wrong with it. Nothing is trained."""

import logging
import sys
from collections.abc import Sequence

from hydra import compose, initialize_config_dir

from lmao import cli
from lmao.config.overrides import readable
from lmao.config.validation import validate
from lmao.errors import UserError
from lmao.paths import CONF

USAGE = """usage: python -m lmao.check [group=option] [setting=value] ...

Looks at texts, labels and vectors as a run with these settings (python train.py) reads them, and trains nothing.
Exit code: 0; 1 if something would spoil the result; 2 after a mistake.
"""


def main() -> int:
    if not {"-h", "--help"}.isdisjoint(sys.argv[1:]):
        print(USAGE, end="")
        return 0
    spoils: list[bool] = []
    return cli.main(lambda: spoils.append(check(sys.argv[1:]))) or int(any(spoils))


def check(arguments: Sequence[str]) -> bool:
    """Print what was found; returns whether something would spoil the result.

    Raises:
        UserError: about the settings, or what they name.
    """
    for argument in arguments:
        if argument.startswith("-"):
            raise UserError(f"{argument} is no option of lmao.check", advice="give it the settings of one run")
    with initialize_config_dir(config_dir=str(CONF)):
        settings = validate(cli.plain(compose("config", readable(arguments))))
    logging.getLogger("lmao").addHandler(logging.NullHandler())  # the screen is enough
    from lmao.run.inspection import inspect  # heavy: a mistake is answered before

    return inspect(settings)


if __name__ == "__main__":
    sys.exit(main())
