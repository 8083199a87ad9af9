"""The only entry point: a command line becomes a typed config, a run, and the development accuracy."""

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from lmao import cli
from lmao.config import validate
from lmao.stop import StopSignal


@hydra.main(config_path="conf", config_name="config")
def train(composed: DictConfig) -> float:
    """One run; a sweeper maximises what is returned."""
    with cli.user_errors(), StopSignal() as stop:
        config = validate(cli.plain(composed))
        from lmao.console import Console  # the heavy imports come last, so that a mistake is answered at once
        from lmao.experiment import run

        hydra_config = HydraConfig.get()
        if hydra_config.mode == RunMode.MULTIRUN:
            Console().line("run", f"{hydra_config.job.num + 1} · {hydra_config.job.override_dirname}")
        result = run(config, Path(hydra_config.runtime.output_dir), Console(), stop)
    return result.dev_accuracy


if __name__ == "__main__":
    sys.exit(cli.main(train))
