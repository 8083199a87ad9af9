"""The lines of pre-training: a task says what its figures are called."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
import rich.console

from lmao.config.run import Config
from lmao.console import Console
from lmao.engine.parameters import Floats
from lmao.objectives import opening
from lmao.objectives.tasks import WordTask
from lmao.run.experiment import run
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial
from tests.support.recipes import WORDS


class RankTask(WordTask):
    """Measures what no other task does, and has no label for one of its figures."""

    labels: ClassVar[Mapping[str, str]] = {"rank": "held-out rank"}

    def measure(self, predictions: Floats, targets: Floats) -> Mapping[str, float]:
        return {"rank": 3.0, "found_at_all": 0.5}


@pytest.mark.parametrize(
    ("overrides", "shown"),
    [
        (["objective=cosine"], "· held-out rank 3.000, found at all 0.500"),
        (["objective=sum"], "contrastive held-out rank 3.000, contrastive found at all 0.500"),
    ],
)
def test_a_task_of_ones_own_names_its_figures(
    compose: Callable[..., Config],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    overrides: list[str],
    shown: str,
) -> None:
    monkeypatch.setattr(opening, "WordTask", RankTask)
    settings = compose(
        "debug=tiny", *WORDS, "threads=1", "textcat.epochs=1", f"cache_dir={tmp_path / 'cache'}", *overrides
    )
    folder, output = tmp_path / "run", io.StringIO()
    folder.mkdir()
    with StopSignal() as stop:
        result = run(
            settings, folder, Console(rich.console.Console(file=output, width=300)), stop, NoTrial(), NullStore()
        )
    [line] = [line for line in output.getvalue().splitlines() if line.startswith("pretrain")]
    assert shown in line
    assert result.pretrain is not None
    assert 3.0 in result.pretrain.records[0].values()
