"""Whether a trial may take over another's accuracy: it is asked before training, with all that its own depends on."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import rich.console
from thinc.api import fix_random_seed

from lmao.config.run import Config
from lmao.console import Console
from lmao.errors import AlreadyRun
from lmao.run.experiment import run
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial
from tests.support.finished import Finished
from tests.support.pipelines import parser_pipeline


class Asked(NoTrial):
    """Knows every accuracy already."""

    inputs: Mapping[str, str]

    def look_up(self, inputs: Mapping[str, str], code: str) -> None:
        self.inputs = dict(inputs)
        raise AlreadyRun(0.5, "study/0")


@pytest.fixture
def asked(compose: Callable[..., Config], tmp_path: Path) -> Callable[..., Mapping[str, str]]:
    """What a trial of these settings is asked with; its cache is empty, so that nothing can have been trained."""

    def of(*overrides: str) -> Mapping[str, str]:
        cache, folder = tmp_path / "cache", tmp_path / "run"
        folder.mkdir(exist_ok=True)
        settings = compose("debug=tiny", "threads=1", f"cache_dir={cache}", *overrides)
        trial, quiet = Asked(), Console(rich.console.Console(quiet=True))
        with StopSignal() as stop, pytest.raises(AlreadyRun):
            run(settings, folder, quiet, stop, trial, NullStore())
        assert not list(cache.glob("pretrain/*"))
        return trial.inputs

    return of


def test_another_parser_is_another_run_though_the_settings_are_the_same(
    asked: Callable[..., Mapping[str, str]], tmp_path: Path
) -> None:
    settings = "pretrain=lmao", "objective=head", f"objective.parser={tmp_path / 'parser'}"
    fix_random_seed(0)
    parser_pipeline(tmp_path / "parser")
    first, again = asked(*settings), asked(*settings)
    fix_random_seed(1)
    parser_pipeline(tmp_path / "parser", seed=1)
    other = asked(*settings)
    assert first == again
    assert {name for name in first if first[name] != other[name]} == {"heads"}


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (["textcat=linear"], {"config", "data"}),
        (["textcat=linear", "textcat.features=mean"], {"config", "data", "vectors"}),
        (["vectors=none", "pretrain=lmao", "objective=characters"], {"config", "data"}),
        ([], {"config", "data", "vectors", "target"}),
    ],
)
def test_a_result_keeps_the_digests_that_its_trial_was_asked_with(
    asked: Callable[..., Mapping[str, str]],
    finished: Callable[..., Finished],
    overrides: list[str],
    names: set[str],
) -> None:
    inputs, kept = asked(*overrides), finished(*overrides).result.digests
    assert set(inputs) == set(kept) == names
    assert all(inputs[name] == kept[name] for name in names)
