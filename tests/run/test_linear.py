"""textcat=linear from end to end, on each kind of features."""

import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import rich.console
import spacy
from numpy.typing import NDArray
from spacy.language import Language

from lmao.cache import Cache
from lmao.config.run import Config
from lmao.console import Console
from lmao.corpus.corpus import Corpus
from lmao.data.document import Document, Source
from lmao.encoder.stock import blank_pipeline
from lmao.errors import UserError
from lmao.run import export_linear
from lmao.run.experiment import run
from lmao.run.inputs import check_inputs
from lmao.run.review import read_again
from lmao.stop import StopSignal
from lmao.textcat.folds import cut
from lmao.textcat.ngram_classifier import NgramClassifier
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial
from lmao.vectors.table import StaticVectors
from tests.support.finished import Finished, assert_calibrated, predictions

Documents = list[NDArray[np.int32]]


@pytest.mark.skipif(
    "LMAO_TEST_IMDB" not in os.environ, reason="LMAO_TEST_IMDB is not set to the path of aclImdb_v1.tar.gz"
)
def test_imdb_with_1000_labels_is_85_percent() -> None:
    reviews: dict[str, tuple[bytes, int]] = {}
    with tarfile.open(Path(os.environ["LMAO_TEST_IMDB"])) as archive:
        for member in archive:
            parts = member.name.split("/")
            if len(parts) == 4 and parts[1] == "train" and parts[2] in ("pos", "neg"):
                file = archive.extractfile(member)
                assert file is not None
                reviews[member.name] = file.read(), int(parts[2] == "pos")
    chosen = np.random.default_rng(0).permutation(sorted(reviews))[:4000]
    tokenizer, ids = spacy.blank("en").tokenizer, dict[str, int]()
    texts: Documents = []
    for name in chosen:
        words = tokenizer(reviews[name][0].decode().replace("<br />", "\n"))
        texts.append(np.array([ids.setdefault(word.lower_, len(ids)) for word in words], dtype=np.int32))
    labels = np.array([reviews[name][1] for name in chosen])
    classifier = NgramClassifier()
    classifier.fit(texts[:1000], labels[:1000], 2, cut(labels[:1000], 0))
    accuracy = (classifier.predict(texts[1000:]).argmax(axis=1) == labels[1000:]).mean()
    assert 0.835 < accuracy < 0.87


@pytest.mark.parametrize(("features", "what"), [("ngrams", "n-grams · "), ("lsa", "latent semantic analysis, ")])
def test_word_features_train_without_vectors(finished: Callable[..., Finished], features: str, what: str) -> None:
    run = finished("textcat=linear", f"textcat.features={features}")
    assert what in run.output and "linear · cross-validated 0." in run.output
    assert run.result.dev_accuracy > 0.4 and "vectors" not in run.result.digests
    assert run.result.parameters > 0
    assert_calibrated(run)


@pytest.mark.parametrize("options", [("mean", "floret"), ("document", "floret"), ("document", "document")])
def test_features_made_of_vectors_train_a_probe(finished: Callable[..., Finished], options: tuple[str, str]) -> None:
    features, vectors = options
    run = finished("textcat=linear", f"textcat.features={features}", f"vectors={vectors}", "vectors.epochs=10")
    assert {"mean": "· mean of vectors ·", "document": "· weighted sum of vectors ·"}[features] in run.output
    assert run.result.dev.examples == 100 and run.result.dev_accuracy > 0.4
    assert run.result.digests["vectors"] and (run.folder / "model").exists()
    scores = np.load(run.folder / "predictions.npz")["dev_scores"]
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    assert_calibrated(run)


def test_features_made_of_vectors_need_some(compose: Callable[..., Config]) -> None:
    with pytest.raises(UserError, match=r"textcat\.features=mean is made of vectors and there are none"):
        compose("textcat=linear", "textcat.features=mean", "vectors=none")


def test_a_text_of_any_length_is_compared(
    compose: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`nlp` itself refuses a million characters; here less."""

    def short(language: str, table: StaticVectors | None) -> Language:
        nlp = blank_pipeline(language, table)
        nlp.max_length = 10
        return nlp

    monkeypatch.setattr(export_linear, "blank_pipeline", short)
    settings, quiet = compose("debug=tiny", "threads=1", "textcat=linear"), Console(rich.console.Console(quiet=True))
    with StopSignal() as stop:
        run(settings, tmp_path, quiet, stop, NoTrial(), NullStore())
    assert (tmp_path / "model" / "textcat").is_dir()


def test_the_pipeline_is_compared_on_texts_that_it_was_not_trained_on(
    finished: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was trained on it is surest of, and has all the n-grams of."""
    compared: list[NDArray[np.int64]] = []

    def read(source: Source, corpus: Corpus, documents: NDArray[np.int64]) -> Mapping[int, Document]:
        compared.append(documents)
        return read_again(source, corpus, documents)

    monkeypatch.setattr(export_linear, "read_again", read)
    run = finished("textcat=linear", "seed=11")
    assert set(compared[0].tolist()) <= set(predictions(run.folder)["dev_documents"].tolist())
    assert len(compared[0]) == min(export_linear.COMPARED, run.result.dev.examples)


def test_a_missing_table_is_found_before_anything_long(compose: Callable[..., Config], tmp_path: Path) -> None:
    asked = ["textcat=linear", "vectors=glove", "vectors.path=nowhere.txt"]
    cache = Cache(tmp_path, pytest.fail)
    check_inputs(compose(*asked), cache)
    with pytest.raises(UserError, match=r"vectors\.path: there is no file nowhere\.txt"):
        check_inputs(compose(*asked, "textcat.features=mean"), cache)
