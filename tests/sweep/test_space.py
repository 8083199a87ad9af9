"""What is searched: the space that settings and a command line make, and what they have no use for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lmao.config.sweep import validate_sweep
from lmao.errors import UserError
from lmao.paths import CONF
from lmao.sweep.space import read_space


def test_pretraining_is_searched_only_where_there_is_any(tmp_path: Path) -> None:
    space = read_space(
        ["textcat.dropout=interval(0.0,0.5)", "pretrain.mask_rate=interval(0.1,0.5)"], ["pretrain.epochs=0,1,2"]
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    for _ in range(30):
        trial = study.ask()
        space.suggest(trial, epochs=1)
        assert ("pretrain.mask_rate" in trial.params) == (trial.params["pretrain.epochs"] > 0)
    assert {trial.params["pretrain.epochs"] for trial in study.trials} == {0, 1, 2}


def test_settings_that_nothing_uses_are_not_searched(compose: Callable[..., Any]) -> None:
    params = [
        "textcat.dropout=interval(0,0.5)",
        "optimizer.eps=choice(1e-8,1e-4)",
        "pretrain.mask_rate=interval(0.1,0.5)",
    ]
    space = read_space(params, ["pretrain.epochs=0"])
    assert set(space.without_unused(compose("textcat=cnn", "pretrain.epochs=0")).distributions) == {
        "textcat.dropout",
        "optimizer.eps",
    }
    assert not space.without_unused(compose("textcat=linear")).distributions


def test_what_all_of_several_classifiers_use_is_searched(compose: Callable[..., Any]) -> None:
    space = read_space(
        ["textcat.dropout=interval(0,0.5)", "optimizer.eps=choice(1e-8,1e-4)"], ["textcat=cnn,cnn_fresh"]
    )
    both = space.without_unused(compose("textcat=cnn"), compose("textcat=cnn_fresh"))
    assert set(both.distributions) == {"textcat", "textcat.dropout", "optimizer.eps"}
    space = read_space(["textcat.dropout=interval(0,0.5)"], ["textcat=cnn,linear"])
    with pytest.raises(UserError, match=r"textcat=cnn,linear: they have different settings to search: search each in"):
        space.without_unused(compose("textcat=cnn"), compose("textcat=linear"))
    recipes = read_space(["pretrain.mask_rate=interval(0,0.5)"], ["+recipe=words,documents"])
    with pytest.raises(UserError, match=r"\+recipe=words,documents: they have different settings to search"):
        recipes.without_unused(
            *(compose(f"+recipe={one}", "textcat=cnn") for one in ("words", "documents")), group="+recipe"
        )
    alone = read_space([], ["textcat=cnn,linear"])
    assert set(alone.without_unused(compose("textcat=cnn"), compose("textcat=linear")).distributions) == {"textcat"}


def test_a_trial_s_number_is_its_seed_where_none_is_given_but_points_of_a_grid_share_one() -> None:
    assert read_space([], ["pretrain.epochs=0,1"]).numbers_seeds("random")
    assert not read_space([], ["pretrain.epochs=0,1"]).numbers_seeds("grid")
    assert not read_space([], ["++seed=3"]).numbers_seeds("tpe")
    assert not read_space(["seed=choice(1,2)"], []).numbers_seeds("tpe")


def test_the_full_space_has_what_the_objective_has_use_for(compose: Callable[..., Any]) -> None:
    space = OmegaConf.load(CONF / "space" / "full.yaml")
    assert isinstance(space, DictConfig)
    params = [f"{name!s}={values}" for name, values in space.items() if name != "defaults"]
    masks, windows = {"pretrain.mask_rate", "pretrain.vector_dropout"}, {"pretrain.window_words"}

    def searched(*arguments: str) -> set[str]:
        own = [argument for argument in arguments if "," not in argument]
        found = read_space(params, arguments).without_unused(compose("textcat=cnn", *own)).distributions
        return {name for name in found if name.startswith("pretrain.")}

    assert searched() == windows | {"pretrain.learn_rate"}
    assert searched("pretrain.epochs=null") == windows | {"pretrain.learn_rate"}
    assert searched("pretrain.epochs=0") == set()
    assert searched("+recipe=words") == masks | {"pretrain.learn_rate"}
    assert searched("+recipe=words", "objective=sum") == masks | windows | {"pretrain.learn_rate"}
    assert searched("objective=whole_document,cosine") == masks | windows | {"pretrain.learn_rate"}
    assert searched("pretrain.mask_rate=interval(0,0.2)") == windows | {"pretrain.mask_rate", "pretrain.learn_rate"}


def test_pretraining_is_searched_where_its_epochs_are_left_to_the_corpus() -> None:
    space, study = read_space(["pretrain.learn_rate=interval(0.1,0.5)"], []), optuna.create_study()
    for epochs, names in ((None, {"pretrain.learn_rate"}), (0, set())):
        trial = study.ask()
        space.suggest(trial, epochs)
        assert set(trial.params) == names


def test_what_chooses_by_itself_is_swept_only_over_what_the_command_line_names(compose: Callable[..., Any]) -> None:
    params, settings = ["textcat.dropout=interval(0,0.5)", "optimizer.eps=choice(1e-8,1e-4)"], compose("textcat=auto")
    assert set(read_space(params, ["seed=0,1,2"]).without_unused(settings).distributions) == {"seed"}
    assert set(read_space(params, ["textcat.dropout=0.1,0.2"]).without_unused(settings).distributions) == {
        "textcat.dropout"
    }
    with pytest.raises(UserError, match=r"textcat=auto: it chooses by itself.*: choose textcat=cnn, or say"):
        read_space(params, ["data.train_examples=50"]).without_unused(settings)


def test_the_command_line_fixes_and_changes_dimensions() -> None:
    params = ["textcat.dropout=interval(0.0,0.5)", "optimizer.beta1=choice(0.0,0.9)"]
    space = read_space(params, ["optimizer.beta1=0.5", "textcat.dropout=interval(0.0,0.3)", "seed=3"])
    assert space.distributions == {"textcat.dropout": FloatDistribution(0.0, 0.3)}
    assert set(space.fixed) == {"optimizer.beta1=0.5", "seed=3"}
    assert space.named == {"optimizer.beta1", "textcat.dropout", "seed"}


def test_the_last_override_of_a_setting_counts_however_it_is_written() -> None:
    space = read_space(["textcat.dropout=interval(0.0,0.5)"], ["seed=0", "++textcat.dropout=0.1", "seed=range(1,4)"])
    assert space.fixed == ["textcat.dropout=0.1"] and set(space.distributions) == {"seed"}
    swept = read_space([], ["++pretrain.epochs=0,1", "++seed=range(0,3)"])
    assert set(swept.distributions) == {"pretrain.epochs", "seed"} and not swept.numbers_seeds("random")
    assert read_space([], ["++seed=3", "+threads=2"]).named == {"seed", "threads"}


def test_numbers_of_a_grid_become_an_interval_whole_or_not() -> None:
    grid = read_space([], ["optimizer.L2=0,0.1", "pretrain.epochs=0,2", "encoder=cnn,cnn_tiny"]).of_a_grid()
    assert grid.distributions["optimizer.L2"] == FloatDistribution(0.0, 0.1)
    assert grid.distributions["pretrain.epochs"] == IntDistribution(0, 2)
    assert isinstance(grid.distributions["encoder"], CategoricalDistribution)


def test_beta2_is_valid_wherever_the_default_space_is_sampled() -> None:
    space = OmegaConf.load(CONF / "space" / "finetuning.yaml")
    assert isinstance(space, DictConfig)
    [distribution] = read_space([f"optimizer.beta2={space['optimizer.beta2']}"], []).distributions.values()
    assert isinstance(distribution, CategoricalDistribution)
    assert all(0 < float(str(choice)) < 1 for choice in distribution.choices)


@pytest.mark.parametrize(
    "mistake",
    [
        "textcat.dropout=interval(0.5,0.1)", "seed=range(3,0)", "optimizer.eps=tag(log,interval(0,1))",
        "seed=range(0,1,0)", "seed=glob(*)",
    ],
)  # fmt: skip
def test_what_can_not_be_searched_is_named(mistake: str) -> None:
    with pytest.raises(UserError) as caught:
        read_space(["textcat.dropout=interval(0,0.5)"], ["seed=range(0,3)", mistake, "pretrain.epochs=1"])
    assert str(caught.value).startswith(f"{mistake}: ") and "range(from,to,step)" in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value", "line"),
    [
        ("n_trials", 0, "hydra.sweeper.n_trials: input should be greater than or equal to 1, not 0"),
        ("max_failure_rate", 2, "hydra.sweeper.max_failure_rate: input should be less than or equal to 1, not 2"),
        ("storage", None, "hydra.sweeper.storage: input should be a valid string, not None"),
    ],
)
def test_the_sweepers_own_settings_are_checked(setting: str, value: Any, line: str) -> None:
    settings = {
        "storage": "sqlite:///o.db", "study_name": None, "n_trials": 3, "n_jobs": 1, "max_failure_rate": 0.5,
        "max_losses": None, "wait": False, "worker_trials": None, "reuse": True, "rerun_of": None,
    }  # fmt: skip
    with pytest.raises(UserError) as caught:
        validate_sweep({**settings, setting: value})
    assert str(caught.value) == line
