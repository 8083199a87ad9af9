"""Settings that are left to the corpus: few short texts are gone over often, and what was typed stays."""

from collections.abc import Callable
from typing import Any

import pytest

from lmao.config.run import Config, flat
from lmao.run.scale import OPEN, closed, decided, scaled, used
from tests.support.finished import Finished

Compose = Callable[..., Config]


def values(settings: Config) -> dict[str, Any]:
    return {name: value for name, value in flat(settings.keys()).items() if name in OPEN}


@pytest.mark.parametrize(
    ("texts", "words", "expected"),
    [
        pytest.param(5_000, 50_000, (160, 2, 2, 20, 5), id="questions of ten words"),
        pytest.param(8_500, 190_000, (158, 2, 2, 16, 7), id="sentences"),
        pytest.param(30_000, 1_200_000, (25, 2, 2, 3, 12), id="news"),
        pytest.param(100_000, 27_100_000, (10, 3, 5, 1, 12), id="reviews"),
        pytest.param(1, 2, (160, 2, 2, 20, 5), id="two words"),
        pytest.param(0, 0, (160, 2, 2, 20, 5), id="nothing"),
    ],
)
def test_the_fewer_and_shorter_the_texts_the_oftener_they_are_read(
    compose: Compose, texts: int, words: int, expected: tuple[int, ...]
) -> None:
    found = values(scaled(compose(), texts, words))
    assert tuple(found.values()) == expected
    tables = ["vectors.epochs", "vectors.ngrams", "vectors.min_count"]
    assert list(found) == [*tables, "pretrain.epochs", "pretrain.window_words"]


def test_values_that_were_given_stay(compose: Compose) -> None:
    given = {
        "vectors.epochs": 3, "vectors.ngrams": 1, "vectors.min_count": 4, "pretrain.epochs": 2,
        "pretrain.window_words": 9,
    }  # fmt: skip
    settings = compose(*(f"{name}={value}" for name, value in given.items()))
    assert scaled(settings, 5_000, 50_000) == settings
    words = compose("+recipe=words")
    assert scaled(words, 5_000, 50_000) == words
    assert values(scaled(compose("pretrain.epochs=0"), 5_000, 50_000))["pretrain.epochs"] == 0


def test_a_predicted_table_is_scaled_as_the_inputs_is(compose: Compose) -> None:
    settings = compose("vectors=none", "vectors@vectors.target=document", "vectors.target.min_count=7")
    found = values(scaled(settings, 100_000, 27_100_000))
    assert (found["vectors.target.epochs"], found["vectors.target.min_count"]) == (10, 7)


def test_an_epoch_of_so_many_words_is_counted_as_such(compose: Compose) -> None:
    settings = compose("pretrain.epoch_words=600000")
    assert scaled(settings, 100_000, 27_100_000).pretrain.epochs == 5
    assert scaled(settings, 30_000, 300_000).pretrain.epochs == 10


def test_windows_that_predict_their_own_vector_are_longer(compose: Compose) -> None:
    assert scaled(compose("objective=document"), 5_000, 50_000).pretrain.window_words == 50


def test_what_the_corpus_decides_is_known_by_its_setting(compose: Compose) -> None:
    before = compose("vectors.epochs=7")
    after = scaled(before, 8_500, 190_000)
    found = decided(before, after)
    table = {"vectors.ngrams": 2, "vectors.min_count": 2}
    assert found == {**table, "pretrain.epochs": 16, "pretrain.window_words": 7}
    assert not closed(before).keys() & found.keys() and {**closed(before), **found} == flat(after.keys())
    assert used(after, found) == found
    assert used(compose("pretrain.epochs=0"), found) == table
    assert used(compose("textcat=linear"), found) == {}
    assert used(compose("textcat=linear", "textcat.features=document"), found) == table


def test_a_run_with_the_values_typed_finds_what_one_without_them_has_cached(
    finished: Callable[..., Finished],
) -> None:
    few = "data.pretrain_documents=60", "textcat.epochs=1"
    left = [f"{name}=null" for name in ("vectors.epochs", "vectors.ngrams", "vectors.min_count", "pretrain.epochs")]
    first = finished(*few, *left)
    assert first.result.scaled.keys() == {
        "vectors.epochs", "vectors.ngrams", "vectors.min_count", "pretrain.epochs", "pretrain.window_words"
    }  # fmt: skip
    assert first.result.pretrain is not None
    assert (first.result.pretrain.epochs, first.result.pretrain.cached) == (20, 0)
    assert " · ".join(f"{name} {value}" for name, value in first.result.scaled.items()) in first.output
    typed = finished(*few, *(f"{name}={value}" for name, value in first.result.scaled.items()))
    assert typed.result.scaled == {} and typed.result.pretrain is not None
    assert typed.result.pretrain.cached == 20
    assert typed.result.digests == first.result.digests
    assert typed.result.dev_accuracy == first.result.dev_accuracy
