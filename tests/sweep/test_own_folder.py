"""What belongs to a study: its folder, its models, and how its points are drawn."""

from pathlib import Path

import optuna
import pytest

from lmao.sweep.models import keep_best_model
from lmao.sweep.reading import read_studies
from tests.support.sweeps import Sweeps

LINEAR = ("textcat=linear", "sweep=random", "seed=range(0,100)", "hydra.sweeper.study_name=s")


@pytest.fixture
def place(session_cache: Path, tmp_path: Path) -> Sweeps:
    return Sweeps(tmp_path, session_cache)


def test_another_databases_study_does_not_write_over_this_ones_trials(place: Sweeps) -> None:
    assert place.finish(*LINEAR, "hydra.sweeper.n_trials=1").code == 0
    result = (place.folder / "multirun/s/0/result.json").read_bytes()
    other = place.finish(*LINEAR, "hydra.sweeper.n_trials=1", "hydra.sweeper.storage=sqlite:///other.db")
    assert other.code == 2
    assert "multirun/s has the trials of a study of the same name in ../../optuna.db: give this study" in other.errors
    assert (place.folder / "multirun/s/0/result.json").read_bytes() == result
    (place.folder / "optuna.db").unlink()  # nothing of it is lost any more
    assert place.finish(*LINEAR, "hydra.sweeper.n_trials=1", "hydra.sweeper.storage=sqlite:///other.db").code == 0


def test_a_study_is_not_gone_on_with_by_another_sampler_or_pruner(place: Sweeps) -> None:
    assert place.finish(*LINEAR, "hydra.sweeper.n_trials=1").code == 0
    for change, told in (
        ("hydra.sweeper.sampler.seed=99", "hydra.sweeper.sampler.seed: 0 then, 99 now"),
        ("hydra/sweeper/pruner=median", "hydra.sweeper.pruner._target_"),
    ):
        other = place.finish(*LINEAR, "hydra.sweeper.n_trials=2", change)
        assert other.code == 2 and f"study s was made with different settings ({told}" in other.errors


def test_a_seed_of_an_experiment_holds_in_a_sweep(place: Sweeps) -> None:
    (place.folder / "conf/experiment").mkdir(parents=True)
    (place.folder / "conf/experiment/mine.yaml").write_text("# @package _global_\nseed: 7\n")
    own = ("-cd", "conf", "+experiment=mine", "textcat=linear", "sweep=random", "textcat.features=ngrams,lsa")
    ended = place.finish(*own, "hydra.sweeper.study_name=s", "hydra.sweeper.n_trials=1")
    assert (ended.code, ended.errors) == (0, "")
    assert "\nseed: 7\n" in (place.folder / "multirun/s/0/.hydra/config.yaml").read_text()


def test_going_on_with_a_copy_leaves_the_models_of_the_original(tmp_path: Path) -> None:
    study = optuna.create_study(direction="maximize")
    for number, accuracy in enumerate((0.8, 0.9)):
        trial = study.ask()
        trial.set_user_attr("folder", str(tmp_path / "original" / str(number)))
        study.tell(trial, accuracy)
        for place in ("original", "copy"):
            (tmp_path / place / str(number) / "model").mkdir(parents=True)
    keep_best_model(study, tmp_path / "copy")
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*/model"))
    assert left == ["copy/1/model", "original/0/model", "original/1/model"]


def test_what_recipes_differ_in_is_not_what_all_trials_share(place: Sweeps) -> None:
    swept = place.finish("+recipe=words,documents", "textcat=linear", "sweep=grid", "hydra.sweeper.study_name=s")
    assert (swept.code, swept.errors) == (0, "")
    [study] = read_studies(place.storage, "s")
    assert not {"objective.name", "vectors.name", "pretrain.mask_rate"} & set(study.science)
    assert study.science["textcat.name"] == "linear"
    assert "have different settings to search" in place.finish("+recipe=words,documents", "sweep=random").errors
