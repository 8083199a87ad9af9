"""Vectors: what is trained or read is what is looked up, here and in stock spaCy."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from pydantic import TypeAdapter
from spacy.strings import StringStore
from spacy.vectors import Vectors

from lmao.cache import Cache
from lmao.config.vectors import AnyTable
from lmao.errors import UserError
from lmao.vectors.floret_training import TrainingTexts
from lmao.vectors.loading import load_vectors, target_table_errors
from tests.support.tables import SENTENCES, Loader, gathered

FLORET: dict[str, Any] = {
    "name": "floret",
    "mode": "words",
    "dims": 8,
    "epochs": 2,
    "min_count": 2,
    "window": 3,
    "negatives": 3,
    "minn": 0,
    "maxn": 0,
    "buckets": 500,
    "hash_count": 2,
    "learn_rate": 0.05,
    "normalize": False,
    "threads": 1,
}
DOCUMENT: dict[str, Any] = {
    "name": "document",
    "dims": 8,
    "epochs": 1,
    "ngrams": 1,
    "min_count": 2,
    "alpha": 6,
    "negatives": 5,
    "subsample": 0.01,
    "learn_rate": 0.05,
    "normalize": True,
    "threads": 1,
}
GLOVE = {"name": "glove", "dims": 3}
WORD2VEC = {"name": "word2vec"}
SUBWORDS = {"mode": "floret", "minn": 3, "maxn": 4}


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    return Loader(tmp_path)


def test_no_vectors_are_none(tmp_path: Path) -> None:
    config = TypeAdapter[Any](AnyTable).validate_python({"name": "none"})
    assert load_vectors(config, Cache(tmp_path, print), TrainingTexts({}, [], lambda: iter([])), print) is None


# Trained


def test_training_gives_a_row_to_each_frequent_word_and_to_no_other(load: Loader) -> None:
    vectors = load(FLORET)
    rows, table = vectors.look_up(["film", "rare1", "unseen", "film", "__label__x", "</s>", ""])
    assert (rows >= 0).tolist() == [True, False, False, True, True, False, False]
    assert rows[0] == rows[3] and table.shape == (2, 8)
    assert (vectors.name, vectors.dims, vectors.cached) == ("floret", 8, False)


def test_training_again_gives_the_same_bytes_and_says_nothing(
    load: Loader, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = load(FLORET)
    assert load(FLORET).cached and load(FLORET).digest == first.digest
    (tmp_path / "cache").rename(tmp_path / "elsewhere")
    again = load(FLORET)
    assert not again.cached and again.digest == first.digest
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("change", [{"epochs": 3}, {"window": 1}, {"learn_rate": 0.2}, {"negatives": 1}, {"dims": 9}])
def test_each_setting_of_the_training_acts(load: Loader, change: dict[str, Any]) -> None:
    sentences = SENTENCES * 100  # floret leaves most of the very frequent words out
    changed = load({**FLORET, **change}, sentences)
    assert not changed.cached and changed.digest != load(FLORET, sentences).digest


def test_other_texts_are_other_vectors(load: Loader) -> None:
    assert load(FLORET, SENTENCES).digest != load(FLORET, SENTENCES * 2).digest


def test_words_with_subwords_are_the_mean_of_their_rows(load: Loader) -> None:
    plain, with_subwords = load(FLORET), load({**FLORET, "minn": 3, "maxn": 4})
    assert not np.allclose(gathered(plain, ["film"]), gathered(with_subwords, ["film"]))
    assert with_subwords.look_up(["rare1"])[0].tolist() == [-1]


@pytest.mark.parametrize("normalize", [False, True])
def test_floret_mode_gives_every_word_the_vector_that_spacy_gives_it(load: Loader, normalize: bool) -> None:
    vectors = load({**FLORET, **SUBWORDS, "normalize": normalize}, SENTENCES * 100)
    assert vectors.size == FLORET["buckets"]
    words = ["film", "unseen", "naïve", "x", "film", "映画"]
    strings = StringStore(words)
    expected = vectors.to_spacy(strings).get_batch(words)
    np.testing.assert_allclose(gathered(vectors, words), expected, rtol=1e-6)
    assert vectors.look_up([""])[0].tolist() == [-1]


def test_normalised_floret_tables_are_scaled_as_a_whole(load: Loader) -> None:
    words = ["film", "good", "unseen"]
    plain = gathered(load({**FLORET, **SUBWORDS}), words)
    scaled = gathered(load({**FLORET, **SUBWORDS, "normalize": True}), words)
    factors = scaled / plain
    np.testing.assert_allclose(factors, factors[0, 0], rtol=1e-4)
    assert 0.5 < np.linalg.norm(scaled[0]) < 2


@pytest.mark.parametrize("sentences", [[], ["once only here"], ["word word word"]])
def test_texts_without_frequent_words_are_refused(load: Loader, sentences: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="min_count"):
        load(FLORET, sentences)
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_too_few_buckets_to_learn_anything_are_refused(load: Loader) -> None:
    with pytest.raises(UserError, match=r"vectors\.buckets: 20 are too few for 9 words"):
        load({**FLORET, **SUBWORDS, "buckets": 20})


def test_a_training_that_diverges_is_refused(load: Loader) -> None:
    with pytest.raises(UserError, match="diverged"):
        load({**FLORET, "learn_rate": 1e30}, SENTENCES * 100)


# spaCy pipelines


def saved_pipeline(path: Path, vectors: Vectors | None = None) -> dict[str, Any]:
    nlp = spacy.blank("en")
    if vectors is not None:
        nlp.vocab.vectors = vectors
    nlp.to_disk(path)
    return {"name": "spacy", "path": str(path), "normalize": False}


def test_a_pipeline_s_table_is_read_with_several_words_to_a_row(load: Loader, tmp_path: Path) -> None:
    vectors = Vectors(strings=StringStore(), data=np.array([[1, 0], [2, 0], [3, 0]], np.float32))
    for word, row in [("The", 1), ("film", 2), ("movie", 2), ("FILM", 0)]:
        vectors.add(vectors.strings.add(word), row=row)
    loaded = load(saved_pipeline(tmp_path / "model", vectors))
    assert gathered(loaded, ["the", "film", "movie"])[:, 0].tolist() == [2, 3, 3]
    assert loaded.size == 2 and loaded.look_up(["The"])[0].tolist() == [-1]


def test_a_pipeline_s_floret_table_is_read(load: Loader, tmp_path: Path) -> None:
    trained = load({**FLORET, **SUBWORDS})
    settings = saved_pipeline(tmp_path / "model", trained.to_spacy(StringStore()))
    loaded = load(settings)
    assert gathered(loaded, ["film", "unseen"]).tolist() == gathered(trained, ["film", "unseen"]).tolist()
    with pytest.raises(UserError, match=r"^vectors\.normalize: .*: set it to false$"):
        load({**settings, "normalize": True})


def test_a_missing_package_and_a_pipeline_without_vectors_are_refused(load: Loader, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="python -m spacy download en_core_web_none"):
        load({"name": "spacy", "path": "en_core_web_none", "normalize": False})
    with pytest.raises(UserError, match="no vectors"):
        load(saved_pipeline(tmp_path / "model"))
    with pytest.raises(UserError, match="not a spaCy pipeline"):
        load({"name": "spacy", "path": str(tmp_path), "normalize": False})


def test_a_key_that_is_no_hash_is_damage(load: Loader, tmp_path: Path) -> None:
    settings = saved_pipeline(
        tmp_path / "model", Vectors(strings=StringStore(["the"]), data=np.ones((1, 2)), keys=["the"])
    )
    (tmp_path / "model" / "vocab" / "key2row").write_bytes(
        b"\x81\xcb\x7f\xef\xff\xff\xff\xff\xff\xff\x00"
    )  # {1.8e308: 0}
    with pytest.raises(UserError, match=r"^vectors\.path: the vectors in .* are damaged"):
        load(settings)


def test_a_training_is_announced(load: Loader) -> None:
    lines: list[str] = []
    load(FLORET, say=lines.append)
    load(FLORET, say=lines.append)
    assert lines == ["training floret, 8-d, 2 epochs: some minutes for every 10 M words, once"]


@pytest.mark.parametrize(
    ("settings", "content", "line"),
    [
        (FLORET, "", r"min_count: fewer than two words occur 2 times in the texts: lower it or give more texts"),
        (DOCUMENT, "", r"min_count: fewer than two words occur 2 times in the texts: lower it or give more texts"),
        (GLOVE, "the 1 2\n", r"dims: .*vectors\.txt holds vectors of 2 dimensions, not 3: set it to 2"),
        (GLOVE, "1 3\nthe 1 2 3\n", r".*vectors\.txt:1 is a header line, which GloVe tables lack: choose word2vec"),
        (WORD2VEC, "the 1 2 3\n", r".*vectors\.txt:1 should give .*: choose glove for a table without that line"),
        (WORD2VEC, None, r"path: there is no file .*vectors\.txt"),
        ({"name": "spacy"}, "", r"path: .* is neither an installed pipeline .*: python -m spacy download .*"),
    ],
)
def test_an_error_of_the_predicted_table_names_its_settings(
    load: Loader, tmp_path: Path, settings: dict[str, Any], content: str | None, line: str
) -> None:
    if "normalize" not in settings:
        settings = {**settings, "path": str(tmp_path / "vectors.txt"), "normalize": False}
    if content is not None:
        (tmp_path / "vectors.txt").write_text(content)
    separator = ": " if line.startswith(".*") else "."
    with pytest.raises(UserError, match=f"^vectors.target{separator}{line}$"), target_table_errors():
        load(settings, [])
    with pytest.raises(UserError, match=f"^vectors{separator}{line}$"):
        load(settings, [])


def test_an_error_of_the_texts_names_their_own_setting_beside_the_predicted_table_too() -> None:
    with pytest.raises(UserError, match=r"^data\.path: gone$"), target_table_errors():
        raise UserError("gone", setting="data.path")
