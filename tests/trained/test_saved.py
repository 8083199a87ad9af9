"""What a run chose is saved whole, and loaded it says of every text what the run says."""

import json
import pickle
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy

import lmao
from lmao.cache import MANIFEST, key_of
from lmao.corpus.ngrams import Ngrams
from lmao.errors import UserError
from lmao.textcat.ngram_weights import Lexicon, NgramWeights
from lmao.trained import loaded as loaded_module
from lmao.trained.chosen import Chosen
from lmao.trained.saved import FOLDER, same, save
from tests.support.finished import Finished, dev_texts, predictions

CLOSE = 1e-6
FLORET = ("vectors=floret_tiny", "vectors.mode=floret", "vectors.minn=4", "vectors.maxn=5", "vectors.buckets=4000")
KINDS = {
    "n-grams": ["textcat=linear"],
    "LSA": ["textcat=linear", "textcat.features=lsa"],
    "mean of vectors": ["textcat=linear", "textcat.features=mean", "vectors=floret_tiny"],
    "mean of subwords": ["textcat=linear", "textcat.features=mean", *FLORET],
    "document vectors": ["textcat=linear", "textcat.features=document", "vectors.epochs=3"],
    "document vectors of words": ["textcat=linear", "textcat.features=document", "vectors=floret_tiny"],
    "document vectors of subwords": ["textcat=linear", "textcat.features=document", *FLORET],
    "encoder": [],
    "encoder on subwords": [*FLORET],
    "encoder without vectors": ["vectors=none", "pretrain.epochs=0"],
    "another shape": ["encoder.width=48", "encoder.depth=1", "encoder.window_size=2", "encoder.static_vectors=false"],
    "together": ["textcat=auto_tiny", "evaluate_test=true"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_classifier_says_what_the_run_said(kind: str, finished: Callable[..., Finished]) -> None:
    run = finished(*KINDS[kind])
    found = lmao.load(run.folder).predict_proba(dev_texts(run))
    expected = predictions(run.folder)["dev_scores"]
    assert len(expected) == 100 and np.ptp(expected[:, 0]) > 100 * CLOSE, "too much alike to tell"
    np.testing.assert_allclose(found, expected, atol=CLOSE)


@pytest.fixture(scope="module")
def run(finished: Callable[..., Finished]) -> Finished:
    return finished()


@pytest.fixture
def copied(run: Finished, tmp_path: Path) -> Path:
    """The run's folder, to be damaged."""
    return Path(shutil.copytree(run.folder, tmp_path / "run"))


def test_predict_names_the_most_probable_label(run: Finished) -> None:
    loaded, texts = lmao.load(run.folder, threads=1), dev_texts(run)[:7]
    assert loaded.classes_.tolist() == list(run.result.labels)
    scores = loaded.predict_proba(texts)
    assert loaded.predict(iter(texts)).tolist() == [run.result.labels[best] for best in scores.argmax(axis=1)]
    assert loaded.predict_proba([]).shape == (0, 2) and loaded.predict([]).shape == (0,)
    with pytest.raises(TypeError, match="a list of texts"):
        loaded.predict(texts[0])


def test_white_space_around_a_text_changes_nothing(run: Finished) -> None:
    """It is a token to the encoder, and n-grams know none."""
    [text] = dev_texts(run)[:1]
    bare, padded = lmao.load(run.folder).predict_proba([text, f"\n \t{text} \n"])
    np.testing.assert_allclose(padded, bare, atol=CLOSE)


def test_a_text_has_the_same_scores_in_any_company(run: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["", *dev_texts(run)[:20], "\n", "Words that_no_text_had before"]
    whole = lmao.load(run.folder, threads=2).predict_proba(texts)
    monkeypatch.setattr(loaded_module, "CHARACTERS", 500)
    np.testing.assert_allclose(lmao.load(run.folder, threads=1).predict_proba(texts), whole, atol=CLOSE)
    monkeypatch.setattr(loaded_module, "CHARACTERS", 3000)
    apart = np.concatenate(list(lmao.load(run.folder).stream(texts, apart=True)))
    np.testing.assert_allclose(apart, whole, atol=CLOSE)


def test_new_words_have_vectors_of_their_subwords(finished: Callable[..., Finished]) -> None:
    for kind in ("document vectors of subwords", "mean of subwords", "encoder on subwords"):
        loaded = lmao.load(finished(*KINDS[kind]).folder)
        known, new = loaded.predict_proba(["the matrix", "the matrixlike"])
        assert np.abs(known - new).max() > 0, kind
        assert np.isfinite(new).all()


def test_what_classifiers_share_is_stored_once(tmp_path: Path) -> None:
    lexicon = Lexicon(["good", "bad"], np.array([0, 1], np.int32), [])
    one, other = (
        NgramWeights(lexicon, "presence", "none", np.full((2, 1), w, np.float32), np.zeros(1), None, None, 2)
        for w in (1, 2)
    )
    megabytes = save(tmp_path, Chosen("en", ["neg", "pos"], None, [(0.5, one), (0.7, other)]))
    assert 0 < megabytes < 0.01
    assert len(list((tmp_path / FOLDER).glob("lexicon*.words.json"))) == 1
    expected = np.array([0.5 * 1 + 0.7 * 2, 0.0])  # logits of "good" and of what nothing is known of
    found = lmao.load(tmp_path).predict_proba(["Good", "unheard-of"])
    np.testing.assert_allclose(np.log(found[:, 1] / found[:, 0]), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "error", "what"),
    [(float("nan"), TypeError, r"texts\[1\] is no text but float"), ("a\ud800", ValueError, "half a character")],
)
def test_what_is_no_text_is_named(run: Finished, text: Any, error: type[Exception], what: str) -> None:
    with pytest.raises(error, match=what):
        lmao.load(run.folder).predict(["fine", text])


def test_a_damaged_classifier_is_not_used(copied: Path) -> None:
    path = copied / FOLDER / "0.weights.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"classifier is damaged \(0.weights.npy has changed\): train the run again"):
        lmao.load(copied)
    path.unlink()
    with pytest.raises(UserError, match="classifier is damaged"):
        lmao.load(copied)


def test_a_model_that_has_changed_is_not_used_while_its_run_can_tell(copied: Path, tmp_path: Path) -> None:
    path = copied / "model" / "textcat" / "model"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1  # of a weight: spaCy reads it without a word
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"model is damaged \(model/textcat/model has changed\): train the run again"):
        lmao.load(copied / "model")
    moved = Path(shutil.copytree(copied / "model", tmp_path / "elsewhere"))
    assert len(lmao.load(moved).classes_)


def test_a_home_that_nobody_has_is_one_line() -> None:
    with pytest.raises(UserError, match="~nobody-of-this-name: the home folder isn't known"):
        lmao.load("~nobody-of-this-name")


def test_another_version_is_named(copied: Path) -> None:
    path = copied / FOLDER / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["meta"]["format"] = 99
    del manifest["digest"]
    path.write_text(json.dumps({**manifest, "digest": key_of(manifest)}))
    with pytest.raises(UserError, match="is of version 99 of the format, and this lmao reads version 1"):
        lmao.load(copied)


def test_what_has_no_classifier_is_named(copied: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        lmao.load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="is not the folder of a run"):
        lmao.load(tmp_path / "empty")
    with pytest.raises(UserError, match=f"folder of several runs, of which {re.escape(str(copied))} has a classifier"):
        lmao.load(copied.parent)
    shutil.rmtree(copied / FOLDER)
    with pytest.raises(UserError, match=r"keeps no classifier: .* tracking\.keep_models=all"):
        lmao.load(copied)


def test_importing_lmao_imports_nothing_heavy() -> None:
    heavy = "numpy", "spacy", "sklearn", "numba"
    code = f"import sys, lmao; sys.exit(bool(set({heavy}) & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("kind", ["encoder", "encoder on subwords", "encoder without vectors"])
def test_a_model_alone_is_computed_on_the_engine(kind: str, finished: Callable[..., Finished], tmp_path: Path) -> None:
    run = finished(*KINDS[kind])
    folder = shutil.copytree(run.folder / "model", tmp_path / "model")
    loaded, texts = lmao.load(folder), dev_texts(run)
    assert loaded.classes_.tolist() == list(run.result.labels)
    np.testing.assert_allclose(loaded.predict_proba(texts), predictions(run.folder)["dev_scores"], atol=1e-5)
    again = pickle.loads(pickle.dumps(loaded))
    np.testing.assert_array_equal(again.predict_proba(texts), loaded.predict_proba(texts))


def test_a_model_alone_of_n_grams_is_refused(finished: Callable[..., Finished], tmp_path: Path) -> None:
    folder = shutil.copytree(finished("textcat=linear").folder / "model", tmp_path / "model")
    with pytest.raises(UserError) as caught:
        lmao.load(folder)
    assert str(caught.value) == (
        f"the pipeline {folder} is not the encoder's classifier, which alone is read without its run: "
        "name the run's folder, or use spacy.load"
    )


def test_a_pipeline_of_another_shape_is_refused(run: Finished, tmp_path: Path) -> None:
    other = spacy.blank("en")
    other.add_pipe("textcat_multilabel").add_label("a")
    other.initialize()
    other.to_disk(tmp_path / "another component")
    with pytest.raises(UserError, match=r"is not the encoder's classifier, .* or use spacy\.load"):
        lmao.load(tmp_path / "another component")
    shutil.copytree(run.folder / "model", tmp_path / "another attribute")
    config = tmp_path / "another attribute" / "config.cfg"
    config.write_text(config.read_text().replace('"LOWER"', '"ORTH"'))
    assert len(spacy.load(config.parent)("A text.").cats) == 2
    with pytest.raises(UserError, match="is not the encoder's"):
        lmao.load(config.parent)
    nlp = spacy.load(run.folder / "model")
    nlp.tokenizer.add_special_case("gimme", [{"ORTH": "gim"}, {"ORTH": "me"}])
    nlp.to_disk(tmp_path / "another tokenizer")
    with pytest.raises(UserError, match="is not the encoder's"):
        lmao.load(tmp_path / "another tokenizer")


def test_lexicons_that_differ_in_their_pairs_alone_are_two() -> None:
    words, rows = ["good", "bad", "not"], np.arange(3, dtype=np.int32)
    first, second, again = (
        Lexicon(words, rows, [Ngrams(np.array([2], dtype=np.int32), np.array([last], dtype=np.int32))])
        for last in (0, 1, 0)
    )
    assert same(first, again) and not same(first, second)
