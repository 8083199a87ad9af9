"""What a run chose, made of stock spaCy parts, says what it says: every kind of weights, and several together."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.cli.package import package
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from lmao.corpus.ngrams import Ngrams
from lmao.corpus.reading import TextReader
from lmao.encoder.stock import blank_pipeline
from lmao.engine.team import Team
from lmao.textcat.ngram_weights import AgainstRest, Lexicon, NgramWeights
from lmao.trained.chosen import Chosen
from lmao.trained.saved import FOLDER, read
from lmao.trained.stock import has_twins, stock_layer
from lmao.trained.stock_layers import sums
from lmao.vectors.table import StaticVectors
from tests.support.finished import Finished, dev_texts

CLOSE = 2e-4
WORDS = ["the", "array", "of", "mark", "values", "a", "returns", "n't", "\n", "number"]  # "mark" is a symbol of spaCy's
TEXTS = [
    "The array of values.", "Returns the number of a mark, which isn't the number of values", "the the the Mark",
    "nothing known here", "a \n number", "The  mark of \n\n the array", "x",
]  # fmt: skip


def pipeline(chosen: Chosen, spaces: list[str], folder: Path) -> Any:
    """Saved and loaded."""
    nlp = blank_pipeline(chosen.language, chosen.table if isinstance(chosen.table, StaticVectors) else None)
    layer = stock_layer(chosen, spaces, nlp)
    textcat: Any = nlp.add_pipe("textcat", config={"model": dict(layer.config)})
    for label in chosen.labels:
        textcat.add_label(label)
    layer.fill(textcat.model)
    nlp.to_disk(folder)
    return spacy.load(folder)


def compare(chosen: Chosen, texts: list[str], folder: Path, spaces: list[str] | None = None) -> None:
    with Team(1) as team:
        expected = chosen.predict(TextReader(chosen.language)(texts), team)
    docs = pipeline(chosen, spaces or [], folder).pipe(texts)
    found = np.array([[doc.cats[label] for label in chosen.labels] for doc in docs])
    assert np.ptp(expected[:, 0]) > 1e-3, "too much alike to tell"
    np.testing.assert_allclose(found, expected, atol=CLOSE)


def weights(length: str, counting: str, classes: int, rest: AgainstRest | None, spaces: bool = False) -> NgramWeights:
    random = np.random.default_rng(5)
    words = WORDS if spaces else [word for word in WORDS if word != "\n"]
    longer = [] if spaces else [Ngrams(np.array([0, 3, 3, *[4] * 7]), np.array([1, 2, 4, 0], dtype=np.int32))]
    rows = np.arange(len(words), dtype=np.int32)
    size = len(words) + sum(map(len, longer))
    outputs = len(rest.targets) if rest is not None else classes
    outputs = 1 if outputs == 2 else outputs
    measure, wide = None, size
    if length == "root":
        measure = random.uniform(0.5, 30, size).astype(np.float32)
    elif length == "projection":
        measure, wide = random.normal(size=(size, 4)).astype(np.float32), 4
    return NgramWeights(
        Lexicon(words, rows, longer, spaces), counting, length, random.normal(size=(wide, outputs)).astype(np.float32),  # type: ignore[arg-type]
        random.normal(size=outputs), measure, rest, classes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("length", "counting", "classes", "rest"),
    [
        ("none", "presence", 2, AgainstRest([0, 1], 1.5)),
        ("none", "presence", 4, AgainstRest([0, 1, 2, 3], 0.7)),
        ("none", "presence", 4, AgainstRest([3, 0, 2], 1.0)),
        ("none", "presence", 3, AgainstRest([0, 2], 1.0)),
        ("root", "presence", 2, AgainstRest([0, 1], 1.0)),
        ("root", "presence", 4, AgainstRest([0, 1, 2, 3], 2.0)),
        ("root", "presence", 2, None),
        ("root", "presence", 5, None),
        ("projection", "log counts", 3, None),
        ("sum", "counts", 2, None),
    ],
)
def test_weights_of_ngrams(length: str, counting: str, classes: int, rest: AgainstRest | None, tmp_path: Path) -> None:
    arm = weights(length, counting, classes, rest, spaces=length == "sum")
    labels = [f"label {number}" for number in range(classes)]
    texts = TEXTS if arm.lexicon.spaces else [text for text in TEXTS if "\n" not in text and "  " not in text]
    compare(Chosen("en", labels, None, [(1.0, arm)]), texts, tmp_path)


def test_an_ngram_is_found_over_the_white_space_that_is_named(tmp_path: Path) -> None:
    chosen = Chosen("en", ["a", "b", "c"], None, [(1.0, weights("root", "presence", 3, None))])
    texts = ["of the\narray", "of  the array", "the array"]
    compare(chosen, texts, tmp_path / "both", ["\n", " "])
    with pytest.raises(AssertionError):
        compare(chosen, texts, tmp_path / "one", ["\n"])


@pytest.mark.parametrize("length", ["none", "root", "projection", "sum"])
def test_an_update_changes_little_of_what_is_known(length: str, tmp_path: Path) -> None:
    """Five steps on what it says anyway: behind no weight is a factor that makes another classifier of a thousandth.
    Of texts without anything known a length 1 is made of any step, so they are left out."""
    counting = {"projection": "log counts", "sum": "counts"}.get(length, "presence")
    chosen = Chosen("en", ["a", "b", "c"], None, [(1.0, weights(length, counting, 3, None, spaces=length == "sum"))])
    nlp, texts = pipeline(chosen, [], tmp_path), TEXTS[:3]
    before = [doc.cats for doc in nlp.pipe(texts)]
    examples = []
    for text, cats in zip(texts, before, strict=True):
        gold = {label: float(score == max(cats.values())) for label, score in cats.items()}
        examples.append(Example.from_dict(nlp.make_doc(text), {"cats": gold}))
    optimizer = nlp.resume_training()
    for _ in range(5):
        nlp.update(examples, sgd=optimizer)
    for was, doc in zip(before, nlp.pipe(texts), strict=True):
        assert max(abs(was[label] - doc.cats[label]) for label in was) < 0.2


def test_any_number_of_weights_finds_room() -> None:
    """Two slots each, in a table of one and a half: a few weights may need a longer one."""
    for words in range(1, 60):
        vocab = spacy.blank("en").vocab
        values = np.random.default_rng(words).normal(size=(words, 2)).astype(np.float32)
        numbers = {vocab.strings.add(f"w{word}"): word for word in range(words)}
        layer = sums(numbers, values, 1, "counts")
        model = registry.resolve({"model": dict(layer.config)})["model"]
        layer.fill(model)
        docs = [Doc(vocab, words=[f"w{word}"]) for word in range(words)]
        np.testing.assert_allclose(model.predict(docs), values, atol=1e-5)


def test_several_together(finished: Callable[..., Finished], tmp_path: Path) -> None:
    """The encoder, n-grams and latent semantic analysis of the same texts: a weighted product."""
    runs = [finished(), finished("textcat=linear"), finished("textcat=linear", "textcat.features=lsa")]
    chosen = [read(run.folder / FOLDER) for run in runs]
    shares = [(weight, one.shares[0][1]) for weight, one in zip((0.6, 0.9, 0.3), chosen, strict=True)]
    together = replace(chosen[0], shares=shares)
    assert has_twins(together)
    compare(together, dev_texts(runs[0])[:40], tmp_path)


@pytest.mark.parametrize("features", ["ngrams", "lsa", "document", "mean"])
def test_a_linear_run_leaves_a_pipeline(features: str, finished: Callable[..., Finished]) -> None:
    more = ["vectors.epochs=3"] if features == "document" else ["vectors=floret_tiny"] if features == "mean" else []
    if features == "ngrams":
        run = finished("textcat=linear")
    else:
        run = finished("textcat=linear", f"textcat.features={features}", *more)
    nlp, texts = spacy.load(run.folder / "model"), dev_texts(run)
    docs = list(nlp.pipe(texts))
    found = np.array([[doc.cats[label] for label in run.result.labels] for doc in docs])
    with np.load(run.folder / "predictions.npz") as stored:
        expected = stored["dev_scores"]
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.99
    assert np.median(np.abs(found - expected)) < CLOSE
    assert run.result.model_mb is not None and "in spaCy" in run.output


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # `spacy package` closes no file
def test_a_pipeline_of_ngrams_is_packaged(finished: Callable[..., Finished], tmp_path: Path) -> None:
    run = finished("textcat=linear")
    package(run.folder / "model", tmp_path, create_sdist=False)
    [config] = tmp_path.glob("*/*/*/config.cfg")
    own, again = spacy.load(run.folder / "model"), spacy.load(config.parent)
    texts = dev_texts(run)[:5]
    assert [doc.cats for doc in again.pipe(texts)] == [doc.cats for doc in own.pipe(texts)]
