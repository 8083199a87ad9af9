"""A worker's view of a test's study."""

from pathlib import Path
from typing import Any

import pytest

from lmao.sweep.samplers import sampler_at
from lmao.sweep.space import Space
from lmao.sweep.study import SharedStudy
from tests.support.studies import BUDGET, SAMPLERS, Open


@pytest.fixture
def open_study(tmp_path: Path) -> Open:
    """A worker's view of the study of this test."""

    def opened(
        sampler: str = "random", space: Space | None = None, n_trials: int = BUDGET, max_losses: int | None = 3,
        **same: Any,
    ) -> SharedStudy:  # fmt: skip
        place, url = tmp_path / "study", f"sqlite:///{tmp_path}/optuna.db"
        study = SharedStudy(url, "s", place, lambda n: sampler_at(SAMPLERS[sampler], n), max_losses)
        given = space.points() if sampler == "grid" and space else []
        study.prepare(same, {}, n_trials, given)
        return study

    return opened
