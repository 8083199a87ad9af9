"""`model/` stays the same classifier through whatever stock spaCy saves it again with, whatever its vectors are."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
from numpy.typing import NDArray
from spacy.cli.package import package
from spacy.language import Language

from lmao.cache import Cache
from lmao.config.encoder import CnnEncoder
from lmao.config.run import Config
from lmao.corpus.encoding import encode
from lmao.data.source import open_source
from lmao.encoder.encoder import TypeTable
from lmao.encoder.opening import open_encoder
from lmao.engine.device import CPU
from lmao.engine.initialization import initialize
from lmao.engine.team import Team
from lmao.run.export import build_pipeline, save_pipeline
from lmao.textcat.classifier import Classifier
from lmao.vectors.floret_training import TrainingTexts
from lmao.vectors.loading import load_vectors
from lmao.vectors.lookup import look_up

LABELS = ["neg", "pos"]
KINDS = {
    "floret": ["vectors=floret_tiny"],
    "subwords": ["vectors=floret_tiny", "vectors.mode=floret", "vectors.minn=3", "vectors.maxn=4"],
    "document": ["vectors=document_tiny"],
    "glove": ["vectors=glove", "vectors.path={}/glove.txt", "vectors.dims=8"],
    "word2vec": ["vectors=word2vec", "vectors.path={}/word2vec.txt"],
    "spacy": ["vectors=spacy", "vectors.path={}/pipeline"],
    "none": ["vectors=none", "pretrain.epochs=0"],
}  # fmt: skip


def mixed(text: str) -> str:
    """No form that any table or text has: fiLm, tHe."""
    return "".join(letter.upper() if i % 3 == 1 else letter.lower() for i, letter in enumerate(text))


@pytest.fixture(scope="module")
def texts(tiny: Config, session_cache: Path) -> list[str]:
    documents = [document.text[:300] for document in open_source(tiny.data, session_cache).documents()][:12]
    return [case(text) for text in documents for case in (str.lower, str.upper, str.title, mixed)]


@pytest.fixture(scope="module")
def files(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The texts, and tables of 8 dimensions for two in three of their words."""
    folder = tmp_path_factory.mktemp("files")
    rows = [{"text": text, "label": LABELS[i % 2]} for i, text in enumerate(texts)]
    (folder / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    nlp = spacy.blank("en")
    words = sorted({token.lower_ for text in texts for token in nlp.make_doc(text) if not token.is_space})[::3]
    words += sorted({token.lower_ for text in texts for token in nlp.make_doc(text) if token.is_alpha})[1::3]
    words = list(dict.fromkeys(words))
    table = np.random.default_rng(0).normal(size=(len(words), 8)).astype(np.float32)
    lines = [f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, table.tolist(), strict=True)]
    (folder / "glove.txt").write_text("".join(lines))
    (folder / "word2vec.txt").write_text("".join([f"{len(words)} 8\n", *lines]))
    for word, row in zip(words, table, strict=True):
        nlp.vocab.set_vector(word.capitalize(), row)
    nlp.to_disk(folder / "pipeline")
    return folder


@pytest.fixture(params=KINDS)
def run(
    request: pytest.FixtureRequest, compose: Callable[..., Config], files: Path, tmp_path: Path
) -> tuple[Language, NDArray[np.float32]]:
    """A classifier with random weights, as a pipeline and as what the engine says of the texts."""
    overrides = [setting.format(files) for setting in KINDS[request.param]]
    settings = compose("debug=tiny", "data=files", f"data.path={files / 'texts.jsonl'}", *overrides)
    assert isinstance(settings.encoder, CnnEncoder)
    cache = Cache(tmp_path / "cache", pytest.fail)
    corpus = encode(open_source(settings.data, cache.root), "en", cache, threads=1, advance=lambda words: None)[0]
    numbers = np.arange(len(corpus.offsets) - 1)
    training = TrainingTexts({}, corpus.words, lambda: (corpus.word_ids(int(number)) for number in numbers))
    table = load_vectors(settings.vectors.model_copy(update={"epochs": 2, "min_count": 1}), cache, training, print)
    vectors = look_up(corpus, table)
    assert (table is None) == (request.param == "none") and (vectors.rows >= 0).any() == (table is not None)
    encoder = open_encoder(settings.encoder, vectors.vectors.shape[1])
    classifier = Classifier(
        encoder, TypeTable(encoder.hash_rows(corpus.types), vectors.rows, vectors.vectors), corpus, 2
    )
    weights = initialize(classifier.shapes, seed=0)
    weights["softmax.W"][...] = np.random.default_rng(0).normal(0, 2, weights["softmax.W"].shape)
    with Team(1, CPU) as team:
        scores = classifier.predict(weights, numbers, team)
    return build_pipeline("en", LABELS, settings.encoder, table, weights), scores


def scores(nlp: Language, texts: list[str]) -> NDArray[np.float32]:
    return np.array([[doc.cats[label] for label in LABELS] for doc in nlp.pipe(texts)])


def packaged(nlp: Language, folder: Path) -> Language:
    nlp.to_disk(folder / "pipeline")
    (folder / "packages").mkdir()
    package(folder / "pipeline", folder / "packages", name="again", version="1.0.0", create_sdist=False)
    name = "en_again-1.0.0"
    return spacy.load(folder / "packages" / name / "en_again" / name)


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # `spacy package` closes no file
def test_no_save_makes_another_classifier_of_it(
    run: tuple[Language, NDArray[np.float32]], texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    nlp, expected = run
    assert np.ptp(expected[:, 0]) > 1e-2, "too much alike to tell"
    folder = tmp_path_factory.mktemp("saved", numbered=True)
    np.testing.assert_allclose(scores(nlp, texts), expected, atol=1e-5)
    save_pipeline(nlp, folder / "model", 20)
    first = nlp = spacy.load(folder / "model")
    np.testing.assert_allclose(scores(nlp, texts), expected, atol=1e-5)
    nlp.to_disk(folder / "again")
    nlp = spacy.load(folder / "again")
    nlp = pickle.loads(pickle.dumps(nlp))
    nlp = spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())
    nlp = packaged(nlp, folder)
    np.testing.assert_allclose(scores(nlp, texts), expected, atol=1e-5)
    assert [path.stat().st_size for path in sorted((folder / "again" / "vocab").iterdir())] == [
        path.stat().st_size for path in sorted((folder / "model" / "vocab").iterdir())
    ]
    for word in ("film", "The", "THE"):
        np.testing.assert_array_equal(nlp(word).vector, first(word).vector)
