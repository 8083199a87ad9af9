"""Without labels a run pre-trains alone: what it leaves, what it says, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config

import lmao
from lmao.config.run import Config
from lmao.encoder.stock import stock_places
from lmao.errors import UserError
from tests.support.processes import Place


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = [
        "wave",
        "tide",
        "ship",
        "fish",
        "salt",
        "street",
        "tram",
        "market",
        "tower",
        "crowd",
        "tree",
        "moss",
        "deer",
        "owl",
        "fern",
    ]
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("texts") / "raw.txt"
    path.write_text("\n".join(f"The {' and the '.join(generator.choice(words, 6))} ." for _ in range(200)))
    return path


def test_the_encoder_goes_on_in_spacy_train(raw: Path, tmp_path: Path, session_cache: Path) -> None:
    folder = tmp_path / "run"
    place = Place(tmp_path, session_cache, ["debug=tiny", "threads=1", "data=files", f"data.unlabelled_path={raw}"])
    done = place.finish(f"hydra.run.dir={folder}")
    assert done.code == 0, done.errors
    assert "no labels · 200 texts to pre-train on" in done.output and "dev accuracy" not in done.output
    result = json.loads((folder / "result.json").read_text())
    assert result["dev_accuracy"] is None and result["labels"] == [] and result["pretrain"]["epochs"] == 1
    with pytest.raises(UserError, match="had no labels, and so no classifier"):
        lmao.load(folder)
    nlp = spacy.load(folder / "model")
    assert nlp.pipe_names == ["tok2vec"] and nlp.vocab.vectors_length and nlp.meta["name"] == "raw"
    places = stock_places(nlp.get_pipe("tok2vec").model)
    weights = {name: node.get_param(param) for name, (node, param) in places.items()}
    doc = Doc(spacy.blank("en").vocab, words=["The", "tram"])
    doc.cats = {"sea": 0.0, "city": 1.0}
    other = doc.copy()
    other.cats = {"sea": 1.0, "city": 0.0}
    DocBin(docs=[doc, other]).to_disk(tmp_path / "labelled.spacy")
    config = load_config(folder / "config.cfg")
    config["paths"] |= {"train": str(tmp_path / "labelled.spacy"), "dev": str(tmp_path / "labelled.spacy")}
    tok2vec = init_nlp(config).get_pipe("textcat").model.get_ref("tok2vec")
    for name, (node, param) in stock_places(tok2vec).items():
        np.testing.assert_array_equal(node.get_param(param), weights[name])


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["data.dev_path=dev.csv"], "data.dev_path and data.test_path go with data.path, which has no value"),
        (["textcat=linear"], "without data.path there is pre-training and nothing else: set pretrain.epochs=1"),
        (["pretrain.epochs=0"], "without data.path there is pre-training and nothing else: set pretrain.epochs=1"),
        (["pretrain.mode=both"], "without data.path there is pre-training and nothing else: set pretrain.epochs=1"),
        (["evaluate_test=true"], "evaluate_test=true needs test examples"),
    ],
)
def test_what_needs_labels_is_refused(
    compose: Callable[..., Config], raw: Path, overrides: list[str], line: str
) -> None:
    with pytest.raises(UserError, match=f"^{line}"):
        compose("debug=tiny", "data=files", f"data.unlabelled_path={raw}", *overrides)


def test_a_sweep_is_refused(raw: Path, tmp_path: Path, session_cache: Path) -> None:
    sweep = "-m", "textcat=cnn", "pretrain.dropout=0,0.1", f"hydra.sweep.dir={tmp_path / 'sweep'}"
    done = Place(tmp_path, session_cache).finish("debug=tiny", "data=files", f"data.unlabelled_path={raw}", *sweep)
    assert done.code == 2 and "a sweep compares accuracies, and without labels there are none" in done.errors
    assert not (tmp_path / "sweep").exists()
