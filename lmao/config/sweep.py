"""The sweeper's own settings, typed: conf/hydra/sweeper/lmao.yaml says what they mean."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lmao.config.fields import Positive, Section, Share
from lmao.errors import UserError


class SweepSettings(Section):
    """hydra.sweeper: how many trials, by how many workers, and where the study is kept."""

    storage: str
    study_name: str | None
    n_trials: Positive
    worker_trials: Positive | None
    n_jobs: Positive
    max_failure_rate: Share
    max_losses: Positive | None
    wait: bool
    reuse: bool
    rerun_of: str | None


def validate_sweep(values: Mapping[str, Any]) -> SweepSettings:
    """Raises UserError for a value out of its range; the line names each setting."""
    try:
        return SweepSettings.model_validate(dict(values))
    except ValidationError as error:
        mistakes = [
            f"hydra.sweeper.{mistake['loc'][0]}: {mistake['msg'].replace('Input', 'input', 1)}, not {mistake['input']}"
            for mistake in error.errors()
        ]
        raise UserError("; ".join(mistakes)) from None
