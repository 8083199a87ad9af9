"""Recipes and experiments: what the default is, and that each takes every source of texts."""

from collections.abc import Callable
from typing import Any

import pytest

from lmao.cache import Cache
from lmao.config.run import Config, flat
from lmao.errors import UserError
from lmao.paths import CONF
from lmao.run.inputs import check_inputs
from lmao.run.scale import scaled

Compose = Callable[..., Config]
CHOICES = [f"+{path.parent.name}={path.stem}" for group in ("experiment", "recipe") for path in CONF.glob(f"{group}/*")]
SOURCES = {
    path.stem: ["data.path=texts"] if "unlabelled_path:" in path.read_text() else []
    for path in CONF.glob("data/*.yaml")
}
SOURCES["memory"] = ["textcat.init=probe"]  # it has no examples that could stop another


def values(settings: Config) -> dict[str, Any]:
    return flat(settings.keys())


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("choice", CHOICES)
def test_every_experiment_and_recipe_takes_every_source(compose: Compose, choice: str, source: str) -> None:
    settings = compose(choice, f"data={source}", *SOURCES[source])
    assert settings.data == compose(f"data={source}", *SOURCES[source]).data


@pytest.mark.parametrize("classifier", ["cnn", "linear"])
@pytest.mark.parametrize("choice", CHOICES)
def test_every_experiment_and_recipe_takes_another_classifier(compose: Compose, choice: str, classifier: str) -> None:
    assert compose(choice, f"textcat={classifier}").textcat == compose(f"textcat={classifier}").textcat


def test_the_default_is_the_recipe_of_documents(compose: Compose) -> None:
    settings = compose()
    assert settings == compose("+recipe=documents")
    assert (settings.vectors.name, settings.objective.name, settings.pretrain.mask_rate) == ("document", "document", 0)
    assert settings.target.name == "same"


def test_the_recipe_of_words_masks_words(compose: Compose) -> None:
    settings = compose("+recipe=words")
    assert (settings.vectors.name, settings.objective.name, settings.pretrain.mask_rate) == ("floret", "cosine", 0.15)


def test_the_later_of_two_recipes_counts_and_a_choice_of_ones_own_more(compose: Compose) -> None:
    assert compose("debug=tiny", "+recipe=words").objective.name == "cosine"
    assert compose("+recipe=words", "objective=l2").objective.name == "l2"


def test_the_original_experiment_is_whole(compose: Compose) -> None:
    found = values(compose("+experiment=imdb_1k", "vectors.path=glove.6B.zip"))
    assert (
        found.items()
        >= {
            "data.name": "imdb",
            "data.unsupervised": False,
            "data.include_test_text": True,
            "data.draw": "shuffled",
            "vectors.name": "glove",
            "vectors.target.name": "same",
            "objective.name": "l2",
            "pretrain.mask_rate": 0.3,
            "pretrain.epochs": 1,
            "textcat.name": "cnn",
            "textcat.init": "fresh",
        }.items()
    )


def test_a_missing_table_is_named_with_where_to_get_it(compose: Compose, cache: Cache) -> None:
    line = r"^vectors\.path: GloVe's file is not given: get https://nlp.*/glove\.6B\.zip and name it here"
    with pytest.raises(UserError, match=line):
        check_inputs(compose("+experiment=imdb_1k", "data=docstrings"), cache)
    with pytest.raises(UserError, match=line.replace("vectors", r"vectors\.target", 1)):
        check_inputs(compose("vectors@vectors.target=glove"), cache)
    check_inputs(compose("+experiment=imdb_1k", "data=docstrings", "textcat=linear"), cache)


def test_the_experiment_of_documents_has_the_settings_that_were_measured(compose: Compose) -> None:
    """Also those that it leaves to the corpus: with all 100,000 reviews, and without those of the test set."""
    settings = compose("+experiment=imdb_document")
    assert values(settings)["data.unsupervised"]
    for texts in (100_000, 75_000):
        found = values(scaled(settings, texts, 271 * texts))
        assert (
            found.items()
            >= {
                "vectors.epochs": 10,
                "vectors.ngrams": 2,
                "vectors.min_count": 5,
                "pretrain.epochs": 2,
                "pretrain.window_words": 12,
                "pretrain.learn_rate": 0.0015,
                "pretrain.batch_words": 800,
                "pretrain.mask_rate": 0,
                "pretrain.dropout": 0,
                "pretrain.seed": 0,
                "objective.predict": "document",
            }.items()
        )


@pytest.fixture
def cache(tmp_path: Any) -> Cache:
    return Cache(tmp_path, warn=pytest.fail)
