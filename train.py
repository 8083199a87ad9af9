"""The only entry point: a command line becomes a typed config, a run, and the development accuracy."""

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lmao import cli
from lmao.config.overrides import readable
from lmao.config.secrets import kept_in_environment
from lmao.config.validation import validate
from lmao.stop import StopSignal


@hydra.main(config_path="conf", config_name="config", execution_whitelist=["lmao.*", "logging.*"])
def train(composed: DictConfig) -> float | None:
    """One run, which may be a trial of a sweep; a sweeper maximises what is returned."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    with cli.user_errors(), StopSignal() as stop:
        cli.hide_passwords(folder)
        cli.require_one_folder(HydraConfig.get())
        config = validate(cli.plain(composed))
        from lmao.console import Console  # the heavy imports come last, so that a mistake is answered at once
        from lmao.errors import AlreadyRun
        from lmao.run.experiment import run
        from lmao.run.unlabelled import encoder_alone
        from lmao.sweep.trial import current_trial
        from lmao.tracking.store import open_store

        trial, store = current_trial(), open_store(config.tracking)
        if not config.data.labelled:
            encoder_alone(config, folder, Console(), stop, store)
            return None
        console = Console(silent=trial.number is not None, tell=trial.progress)
        try:
            return run(config, folder, console, stop, trial, store).dev_accuracy
        except AlreadyRun as known:
            return known.accuracy


def main() -> None:
    """Hydra reads the command line, after the texts in it are quoted and the passwords taken out."""
    sys.argv[1:] = kept_in_environment(readable(sys.argv[1:]))
    train()


if __name__ == "__main__":
    sys.exit(cli.main(main))
