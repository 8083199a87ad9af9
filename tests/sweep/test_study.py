"""The shared study, in this process: which points are drawn, and what is refused."""

import errno
import inspect
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from optuna.samplers import TPESampler
from optuna.trial import TrialState

from lmao.errors import OutOfMemory, Unavailable, UserError
from lmao.paths import CONF
from lmao.sweep.identity import attributes, difference, name_of, same_attributes
from lmao.sweep.inputs import Inputs
from lmao.sweep.samplers import sampler_at
from lmao.sweep.space import read_space
from lmao.sweep.study import SharedStudy
from lmao.sweep.trial import TrialTask
from tests.support.studies import BUDGET, CONTINUOUS, DISCRETE, SAMPLERS, Open, claim, die, run_all
from tests.support.sweeps import kept, points, states


def test_tpe_is_what_optuna_makes_of_it_by_itself() -> None:
    with initialize_config_dir(config_dir=str(CONF)):
        chosen = hydra_compose("config", ["sweep=tpe"], return_hydra_config=True).hydra.sweeper.sampler
    defaults = {name: one.default for name, one in inspect.signature(TPESampler).parameters.items()}
    own = {name: value for name, value in chosen.items() if name not in ("_target_", "seed")}
    assert {name: value for name, value in own.items() if value != defaults[str(name)]} == {"multivariate": True}
    assert TPESampler()._is_multivariate(optuna.create_study())


@pytest.mark.parametrize("arguments", [CONTINUOUS, DISCRETE], ids=["continuous", "discrete"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_kills_and_other_workers_change_nothing_of_what_is_drawn(
    sampler: str, arguments: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    if sampler == "grid" and arguments is CONTINUOUS:
        pytest.skip("a grid has no intervals")
    space = read_space([], arguments)
    found = []
    for killed in (False, True):
        folder = tmp_path_factory.mktemp("study")

        def view(folder: Path = folder) -> SharedStudy:
            study = SharedStudy(f"sqlite:///{folder}/o.db", "s", folder, lambda n: sampler_at(SAMPLERS[sampler], n))
            study.prepare({}, {}, BUDGET, space.points() if sampler == "grid" else [])
            return study

        first = view()
        if killed:
            for _ in range(2):
                run_all(first, space, 2)
                assert claim(first, space) is not None
                die(first)
                first = view()
        run_all(first, space)
        found.append(kept(first.study.get_trials()))
        first.close()
    undisturbed, disturbed = found
    assert states(undisturbed) == states(disturbed) == [TrialState.COMPLETE] * BUDGET
    assert points(undisturbed) == points(disturbed)
    assert len(set(points(undisturbed))) == BUDGET


def test_workers_never_draw_the_same(open_study: Open) -> None:
    space = read_space([], CONTINUOUS)
    workers = [open_study("tpe") for _ in range(6)]
    trials = [claim(worker, space) for worker in workers]
    assert len({tuple(trial.params.values()) for trial in trials if trial}) == 6
    assert [trial.user_attrs["seed"] for trial in trials if trial] == [0, 1, 2, 3, 4, 5]


def test_a_different_space_is_refused_and_named(open_study: Open) -> None:
    open_study(science={"seed": 0})
    with pytest.raises(
        UserError, match=r"study s was made with different settings \(seed: 0 then, 1 now\): give the new one"
    ):
        open_study(science={"seed": 1})


def test_a_study_with_epochs_left_to_the_corpus_is_named_so(compose: Callable[..., Any]) -> None:
    space = read_space([], [])
    assert name_of(compose("textcat=cnn"), space, "tpe", None) == "docstrings-document-pretrainauto"
    assert name_of(compose("textcat=cnn", "pretrain.epochs=2"), space, "tpe", None) == "docstrings-document-pretrain2"


def test_other_texts_or_another_table_make_another_study(compose: Callable[..., Any], tmp_path: Path) -> None:
    def inputs(texts: str, table: str, *varied: str) -> Any:
        (tmp_path / "texts.csv").write_text(f"text,label\n{texts},a\n")
        (tmp_path / "table.txt").write_text(table)
        paths = [f"data.path={tmp_path}/texts.csv", f"vectors.path={tmp_path}/table.txt", "vectors.dims=1"]
        settings = compose("data=files", "vectors=glove", *paths)
        space = read_space([], list(varied))
        return same_attributes(settings, space, "grid", Inputs(settings, pytest.fail).digests)["inputs"]

    films = inputs("a film", "film 0.1")
    assert set(films) == {"data", "vectors"} and films == inputs("a film", "film 0.1")
    mail = inputs("a mail", "film 0.1")
    assert mail["data"] != films["data"]
    assert difference("inputs", films, mail) == "the files of data are others now"
    assert inputs("a film", "film 0.2") == {**films, "vectors": inputs("a film", "film 0.2")["vectors"]} != films
    assert set(inputs("a film", "film 0.1", "data.path=a.csv,b.csv", "vectors@vectors.target=same,floret")) == set()


def test_that_test_labels_were_read_once_is_not_forgotten(open_study: Open, compose: Callable[..., Any]) -> None:
    study, space = open_study(), read_space([], [])
    for said in (False, True, False):
        study.prepare({}, attributes(compose(f"evaluate_test={said}"), space, None), BUDGET, [])
    assert study.study.user_attrs["evaluate_test"] is True


def test_a_study_says_where_its_runs_are_without_a_password(compose: Callable[..., Any]) -> None:
    for uri, masked in (
        ("sqlite:///m.db", f"sqlite:///{Path.cwd()}/m.db"),
        ("http://me:hunter2@host", "http://me:***@host"),
    ):
        settings = compose("tracking=mlflow", f"tracking.uri={uri}")
        assert attributes(settings, read_space([], []), None)["tracking_uri"] == masked
    assert "tracking_uri" not in attributes(compose("tracking=off"), read_space([], []), None)


def test_a_grid_may_grow_by_numbers_but_not_by_names(open_study: Open, compose: Callable[..., Any]) -> None:
    for seeds, names in (("0,1", "l2,cosine"), ("0,1,5", "l2,cosine")):
        space = read_space([], [f"seed={seeds}", f"objective={names}"])
        study = open_study("grid", space, n_trials=100)
        run_all(study, space.of_a_grid())
        assert study.is_complete() and study.n_trials == len(space.points())
    small, large = (
        same_attributes(compose(), read_space([], ["seed=0,1", f"objective={names}"]), "grid", {})
        for names in ("l2,cosine", "l2,cosine,vmf")
    )
    assert small["names"] != large["names"] and small["science"] == large["science"]


def test_too_little_memory_is_told_from_other_faults_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial's settings may be to blame for it: its point is given up in the end."""

    def task(error: Any) -> None:
        raise error

    one = TrialTask(task)
    one.specs = {"0": SimpleNamespace(folder="nowhere")}  # type: ignore[dict-item]
    monkeypatch.setattr(HydraConfig, "get", lambda: SimpleNamespace(sweep=SimpleNamespace(subdir="0")))
    for error, kind in ((MemoryError(), OutOfMemory), (OSError(errno.ENOSPC, "full"), Unavailable)):
        with pytest.raises(Unavailable) as caught:
            one(error)  # type: ignore[arg-type]
        assert type(caught.value) is kind
