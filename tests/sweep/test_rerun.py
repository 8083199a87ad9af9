"""Which commands re-train the best settings; one of them for real."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution

from lmao.errors import UserError
from lmao.rerun import Rerun, plan, rerun
from lmao.sweep.reading import read_studies
from lmao.sweep.records import State, StudyRecord
from tests.support.processes import Place
from tests.support.synthetic import StudyMaker

Make = Callable[..., StudyMaker]


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'optuna.db'}"


@pytest.fixture
def make(storage: str, tmp_path: Path) -> Make:
    def study(name: str, epochs: int = 1, done: bool = True, **attributes: Any) -> StudyMaker:
        science = {"pretrain.epochs": epochs}
        maker = StudyMaker(storage, name, tmp_path, **{"science": science, "n_trials": 1 if done else 2, **attributes})
        maker.complete(0.8, {"optimizer.learn_rate": 1e-3, "textcat.dropout": 0.25, "textcat.batch_size": 8})
        return maker

    return study


def planned(storage: str) -> tuple[Sequence[Rerun], Sequence[str]]:
    return plan(read_studies(storage, "*"))


def test_the_best_setting_is_fixed_and_the_seeds_are_fresh(storage: str, make: Make) -> None:
    make("imdb-cosine-pretrain1", overrides=["+experiment=imdb_1k", "pretrain.epochs=1"])
    (best, _), _ = planned(storage)
    command = best.command(10, "postgresql://me:x@host/db", ["tracking=off"])
    overrides = OverridesParser.create().parse_overrides(list(command[3:]))
    values = {override.key_or_group: override.value() for override in overrides if not override.is_sweep_override()}
    assert values == {
        "sweep": "grid",
        "hydra.sweeper.storage": "postgresql://me:x@host/db",
        "hydra.sweeper.study_name": "imdb-cosine-pretrain1-rerun0",
        "hydra.sweeper.rerun_of": "imdb-cosine-pretrain1",
        "hydra.sweeper.n_trials": 10,
        "experiment": "imdb_1k",
        "pretrain.epochs": 1,
        "optimizer.learn_rate": 0.001,
        "textcat.dropout": 0.25,
        "textcat.batch_size": 8,
        "evaluate_test": True,
        "tracking": "off",
    }
    (seeds,) = [override for override in overrides if override.is_sweep_override()]
    assert list(seeds.sweep_iterator()) == list(range(1000, 1010))


@pytest.mark.parametrize("seed", ["seed=0", "++seed=0"])
def test_a_seed_that_the_search_held_fixed_is_not_taken_over(storage: str, make: Make, seed: str) -> None:
    make("imdb-cosine-pretrain1", overrides=["data=imdb", seed, "pretrain.seed=1"])
    (best, _), _ = planned(storage)
    assert best.overrides[:2] == ["data=imdb", "pretrain.seed=1"]
    (seeds,) = [override for override in best.command(2, storage, []) if override.lstrip("+").startswith("seed=")]
    assert seeds == "seed=range(1000,1002)"


def test_a_better_trial_has_a_rerun_of_its_own(storage: str, make: Make) -> None:
    maker = make("imdb-cosine-pretrain1")
    assert planned(storage)[0][0].name == "imdb-cosine-pretrain1-rerun0"
    maker.complete(0.9)
    assert planned(storage)[0][0].name == "imdb-cosine-pretrain1-rerun1"


def test_the_linear_model_is_trained_once_on_the_same_data(storage: str, make: Make) -> None:
    for epochs in (0, 1):
        make(f"imdb_1k-cosine-pretrain{epochs}", epochs, overrides=["+experiment=imdb_1k", f"pretrain.epochs={epochs}"])
    science = {"data.name": "files", "pretrain.epochs": 0}
    make("mine", science=science, overrides=["data=files", "++data.train_examples=50", "vectors=none", "objective=l2"])
    reruns, _ = planned(storage)
    assert [found.name for found in reruns] == [
        "imdb_1k-cosine-pretrain0-rerun0",
        "imdb_1k-cosine-pretrain1-rerun0",
        "mine-rerun0",
        "imdb_1k-linear-rerun",
        "files-linear-rerun",
    ]
    assert reruns[3] == Rerun("imdb_1k-linear-rerun", None, ["+experiment=imdb_1k", "textcat=linear"])
    assert reruns[4].overrides == ["data=files", "++data.train_examples=50", "textcat=linear"]


def test_the_linear_model_is_trained_on_each_of_two_files(storage: str, make: Make) -> None:
    for name in ("films", "mails"):
        make(name, inputs={"data": name}, overrides=["data=files", f"data.path={name}.csv"])
    reruns, _ = planned(storage)
    assert [found.overrides[1] for found in reruns[2:]] == ["data.path=films.csv", "data.path=mails.csv"]
    assert len({found.name for found in reruns}) == 4


def test_a_search_of_the_linear_model_is_confirmed_like_any_other(storage: str, make: Make) -> None:
    make("imdb-cosine-pretrain0", 0)
    make("imdb-linear", science={"textcat.name": "linear"}, overrides=["data=imdb", "textcat=linear"])
    reruns, _ = planned(storage)
    assert [found.name for found in reruns] == ["imdb-cosine-pretrain0-rerun0", "imdb-linear-rerun0"]
    assert reruns[1].rerun_of == "imdb-linear"


def test_the_sampler_in_a_studys_name_is_none_of_the_datas(storage: str, make: Make) -> None:
    make("imdb_1k-cosine-pretrain0-random", 0)
    assert planned(storage)[0][1].name == "imdb_1k-linear-rerun"


def test_what_is_not_done_is_skipped_with_the_reason(storage: str, make: Make) -> None:
    make("imdb-cosine-pretrain0", 0)
    make("imdb-cosine-pretrain1", 1, done=False)
    reruns, skipped = planned(storage)
    assert [found.rerun_of for found in reruns] == ["imdb-cosine-pretrain0", None]
    assert skipped == ["imdb-cosine-pretrain1: 1 of 2 trials are done"]


def test_if_no_study_is_done_all_are_confirmed(storage: str, make: Make) -> None:
    for epochs in (0, 1):
        make(f"imdb-cosine-pretrain{epochs}", epochs, done=False)
    reruns, skipped = planned(storage)
    assert [found.rerun_of for found in reruns] == ["imdb-cosine-pretrain0", "imdb-cosine-pretrain1", None]
    assert not skipped


def test_reruns_are_not_rerun(storage: str, make: Make) -> None:
    make("imdb-cosine-pretrain0", 0)
    make("imdb-cosine-pretrain0-rerun0", 0, rerun_of="imdb-cosine-pretrain0")
    make("imdb-linear-rerun", science={"textcat.name": "linear"})
    assert [found.name for found in planned(storage)[0]] == ["imdb-cosine-pretrain0-rerun0", "imdb-linear-rerun"]


def test_nothing_to_rerun_is_an_error(storage: str, tmp_path: Path) -> None:
    StudyMaker(storage, "imdb-cosine-pretrain1", tmp_path, science={}).fail()
    with pytest.raises(UserError, match="nothing to re-run"):
        rerun("*", 10, storage, [])
    with pytest.raises(UserError, match="--seeds 1: give 2 to 40"):
        rerun("*", 1, storage, [])


def test_a_choice_of_a_group_comes_back(storage: str, tmp_path: Path) -> None:
    space = {"vectors": CategoricalDistribution(["floret", "none"])}
    maker = StudyMaker(storage, "a-cosine-pretrain0", tmp_path, science={}, space=space, n_trials=1)
    maker.complete(0.8, {"vectors": "none"})
    assert "vectors=none" in planned(storage)[0][0].overrides


def test_one_that_fails_does_not_stop_the_others(
    storage: str, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for epochs in (0, 1):
        make(f"imdb-cosine-pretrain{epochs}", epochs, overrides=["pretrain.nonsense=1"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        rerun("*", 2, storage, ["--nonsense"])  # the command's own parser refuses it, at once
    assert stopped.value.code == 2
    assert capfd.readouterr().err.count("failed: exit code 2 of") == 3


def test_a_study_is_confirmed_for_real_and_a_second_call_has_nothing_left_to_do(
    session_cache: Path, tmp_path: Path
) -> None:
    place = Place(tmp_path, session_cache)
    search = ["-m", "sweep=random", "space=none", "debug=tiny", "textcat=linear", "textcat.features=ngrams,lsa"]
    made = place.finish(*search, "hydra.sweeper.n_trials=2")
    assert made.code == 0, made.errors
    for _ in range(2):
        done = place.finish_module("lmao.rerun", "--seeds", "2", "--", "threads=1")
        assert done.code == 0, done.errors
        found: dict[str, StudyRecord] = {
            study.name: study for study in read_studies(f"sqlite:///{tmp_path}/optuna.db", "*")
        }
        best = found["docstrings-linear-random"].best()
        assert best is not None
        confirmed = found[f"docstrings-linear-random-rerun{best.number}"]
        assert confirmed.science["textcat.features"] == best.parameters["textcat.features"]
        assert [trial.seed for trial in confirmed.of(State.COMPLETE)] == [1000, 1001]
