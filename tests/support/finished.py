"""A finished run."""

from dataclasses import dataclass
from pathlib import Path

from lmao.config.run import Config
from lmao.run.result import Result


@dataclass(frozen=True)
class Finished:
    """A whole run, as it was made in this process."""

    settings: Config
    folder: Path
    result: Result
    output: str
