"""The schema: each value out of its range, and each pair that does not fit, is one line that names the setting."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from lmao.config.fields import Mark
from lmao.config.run import Config, flat
from lmao.config.tracking import MlflowTracking
from lmao.config.validation import OPTIONS
from lmao.errors import UserError
from lmao.paths import ROOT

Compose = Callable[..., Config]


@pytest.mark.parametrize(
    "override",
    [
        "seed=-1",
        "threads=0",
        "data.train_examples=0",
        "data.dev_examples=0",
        "data.pretrain_documents=0",
        "data.documents=0",
        "vectors.dims=0",
        "vectors.epochs=0",
        "vectors.min_count=0",
        "vectors.ngrams=4",
        "vectors.learn_rate=0",
        "vectors.threads=0",
        "encoder.width=0",
        "encoder.depth=0",  # spaCy has none of no layer, so it would end at the export
        "encoder.depth=-1",
        "encoder.window_size=0",
        "encoder.window_size=6",
        "encoder.maxout_pieces=9",
        "pretrain.epochs=-1",
        "pretrain.mask_rate=-0.1",
        "pretrain.mask_rate=1.1",
        "pretrain.random_word=-0.1",
        "pretrain.dropout=1",
        "pretrain.vector_dropout=-0.1",
        "pretrain.batch_words=0",
        "pretrain.window_words=3",
        "pretrain.warmup_steps=-1",
        "pretrain.heldout=0",
        "pretrain.heldout=0.6",
        "pretrain.save_minutes=0",
        "pretrain.learn_rate=0",
        "pretrain.learn_rate=nan",
        "pretrain.learn_rate=inf",
        "textcat.epochs=0",
        "textcat.patience=0",
        "textcat.batch_size=0",
        "textcat.dropout=1",
        "textcat.vector_dropout=1.5",
        "textcat.early_stopping_examples=0",
        "optimizer.beta1=1",
        "optimizer.beta2=-0.1",
        "optimizer.eps=0",
        "optimizer.L2=-1",
        "optimizer.grad_clip=-1",
        "objective.hidden_size=-1",
    ],
)
def test_a_value_out_of_its_range_is_named_and_shown(compose: Compose, override: str) -> None:
    setting, _, value = override.partition("=")
    with pytest.raises(UserError) as caught:
        compose(override)
    line = str(caught.value)
    assert line.startswith(f"{setting}: input should be ") and "\n" not in line
    assert line.endswith(f", not {value.removeprefix('.')}")


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("encoder.width=wide", "encoder.width: input should be a valid integer, unable to parse string as an integer"),
        ("encoder.width=1.5", "encoder.width: input should be a valid integer, got a number with a fractional part"),
        ("pretrain.schedule=cosine", "pretrain.schedule: input should be 'constant' or 'inverse_sqrt', not cosine"),
        ("evaluate_test=maybe", "evaluate_test: input should be a valid boolean"),
        ("data.path=3", "data.path: input should be a valid string, not 3"),
        ("encoder.embed_rows=[100,100]", "encoder.embed_rows: list should have at least 4 items"),
        ("encoder.embed_rows=[100,100,100,0]", "encoder.embed_rows.3: input should be greater than or equal to 1"),
        ("data.packages=[numpy]", "data.packages: list should have at least 2 items"),
    ],
)
def test_a_value_of_another_kind_is_named(compose: Compose, override: str, line: str) -> None:
    group = ["data=imdb"] if override.startswith("data.path") else []
    with pytest.raises(UserError) as caught:
        compose(*group, override)
    assert str(caught.value).startswith(line)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["pretrain.mask_symbol=0.8", "pretrain.random_word=0.3"], "pretrain: mask_symbol + random_word is 1.1"),
        (["vectors=floret", "vectors.minn=5", "vectors.maxn=4"], "vectors: minn (5) must not be above maxn (4)"),
        (
            ["vectors=floret", "vectors.mode=floret"],
            "vectors: mode=floret stores subwords of 2 letters or more",
        ),
        (["vectors=none"], "the objective predicts vectors, and there are none: choose vectors"),
        (["vectors@vectors.target=none"], "the objective predicts vectors, and there are none"),
        (
            ["vectors=floret", "vectors.hash_count=5"],
            "vectors.hash_count: input should be less than",
        ),
        (["objective=cosine"], "pretrain.mask_rate=0 masks no word, and objective cosine predicts masked words"),
        (["objective=sum", "pretrain=document"], "pretrain.mask_rate=0 masks no word, and objective contrastive"),
        (
            ["objective=sum", "objective.parts.contrastive.temperature=0"],
            "objective.parts.contrastive.temperature: input should be greater than 0, not 0",
        ),
        (["pretrain.mode=both", "pretrain.epochs=0"], "pretrain.mode=both needs pretrain.epochs=1 or more"),
        (
            ["pretrain.mode=interleave"],
            "pretrain.mode=interleave learns the training labels, by which textcat=auto",
        ),
        (["textcat=linear", "textcat.features=mean", "vectors=none"], "textcat.features=mean is made of vectors and"),
        (
            ["data=files", "data.path=a.csv", "data.text_column=label"],
            "data: text_column and label_column are both 'label'",
        ),
        (["vectors=same"], "vectors=same makes sense for vectors.target alone"),
        (
            ["vectors@vectors.target=floret", "vectors.target.dims=0"],
            "vectors.target.dims: input should be greater than or equal to 1, not 0",
        ),
    ],
)
def test_values_that_do_not_fit_each_other_are_explained(compose: Compose, overrides: list[str], line: str) -> None:
    with pytest.raises(UserError) as caught:
        compose(*overrides)
    assert str(caught.value).startswith(line) and "\n" not in str(caught.value)


def test_mlflows_own_variables_say_where_runs_go(compose: Compose, monkeypatch: pytest.MonkeyPatch) -> None:
    def place(*overrides: str) -> tuple[str, str]:
        tracking = compose("tracking=mlflow", *overrides).tracking
        assert isinstance(tracking, MlflowTracking)
        return tracking.uri, tracking.experiment

    assert place() == ("sqlite:///mlflow.db", "lmao")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://host:5000")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "reviews")
    assert place() == ("http://host:5000", "reviews")
    assert place("tracking.uri=sqlite:///a.db", "tracking.experiment=b") == ("sqlite:///a.db", "b")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "")
    with pytest.raises(UserError, match=r"^tracking\.experiment: "):
        place()


def test_several_mistakes_are_all_named_in_one_line(compose: Compose) -> None:
    with pytest.raises(UserError) as caught:
        compose("encoder.width=0", "optimizer.eps=0")
    first, second = str(caught.value).split("; ")
    assert first.startswith("encoder.width:") and second.startswith("optimizer.eps:")


@pytest.mark.parametrize(
    "overrides",
    [
        ["vectors=none", "pretrain.epochs=0"],
        ["vectors=none", "vectors@vectors.target=floret"],
        ["pretrain.mask_symbol=0.7", "pretrain.random_word=0.3"],
        ["vectors=floret", "vectors.mode=floret", "vectors.minn=4", "vectors.maxn=5"],
        ["encoder.depth=1"],
        ["objective=document", "pretrain.mask_rate=0"],
        ["+experiment=imdb_document", "objective=cosine", "pretrain.mask_rate=0.15"],
        ["pretrain.epochs=0", "objective=cosine"],
        ["pretrain.window_words=4"],
        ["pretrain.mode=both", "textcat=cnn"],
        ["textcat=linear", "textcat.features=lsa", "vectors=none"],
        ["optimizer.grad_clip=0", "optimizer.beta1=0"],
        ["textcat=linear"],
        ["data.train_examples=null"],
    ],
)
def test_values_at_the_edge_are_taken(compose: Compose, overrides: list[str]) -> None:
    assert compose(*overrides).seed == 0


def test_what_is_predicted_is_the_inputs_table_unless_another_is_chosen(compose: Compose) -> None:
    assert compose().target_table == compose().vectors
    other = compose("vectors@vectors.target=glove", "vectors.target.path=g.txt")
    assert (other.vectors.name, other.target_table.name) == ("document", "glove")


def test_a_config_does_not_change(compose: Compose) -> None:
    settings: Any = compose()
    with pytest.raises(ValidationError):
        settings.seed = 3


def test_places_speed_and_what_else_is_measured_are_no_science(compose: Compose) -> None:
    settings = compose("data=files", "data.path=a.csv", "vectors@vectors.target=glove", "vectors.target.path=g.txt")
    science = flat(settings.science())
    assert flat(settings.keys()).keys() - science.keys() == {
        "encoder.name",
        "data.path",
        "data.dev_path",
        "data.test_path",
        "data.unlabelled_path",
        "vectors.target.path",
        "vectors.threads",
        "cache_dir",
        "device",
        "evaluate_test",
        "pretrain.from",
        "threads",
        "tracking.experiment",
        "tracking.keep_models",
        "tracking.name",
        "tracking.study",
        "tracking.uri",
    }
    assert science.items() <= flat(settings.keys()).items()


def test_the_key_of_a_pretraining_leaves_out_what_it_has_in_another_way(compose: Compose) -> None:
    settings = compose()
    mixed = {"mode", "mix", "mix_end", "mix_steps"}
    assert settings.pretrain.only(Mark.MIXED).keys() == mixed
    alone = settings.pretrain.without(Mark.MIXED, Mark.APART).keys()
    apart = {"epochs", "mixed_epochs", "save_minutes", "seed", "from_"}
    assert settings.pretrain.model_dump().keys() - alone == mixed | apart
    assert settings.textcat.only(Mark.MIXED).keys() == {"batch_size", "dropout", "vector_dropout"}


def test_no_option_of_a_group_stands_in_a_line(compose: Compose) -> None:
    """Each file in conf/ whose group has several is an option that the schema knows."""
    groups = ("data", "vectors", "objective", "textcat", "tracking")
    files = [path for group in groups for path in (ROOT / "conf" / group).glob("*.yaml")]
    names = {match[1] for path in files if (match := re.search(r'^name: "?(\w+)', path.read_text(), re.MULTILINE))}
    assert names == OPTIONS
