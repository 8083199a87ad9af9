"""What a run leaves is plain spaCy: it scores alike where lmao is not installed; `spacy train` takes the weights."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config

from benchmarks.exported import stock_scores
from lmao.data.document import Document, Source, documents_of
from lmao.encoder.opening import open_encoder
from lmao.encoder.stock import spacy_order, stock_places
from lmao.engine.parameters import Parameters
from lmao.run import spacy_train
from lmao.run.card import name_of
from lmao.run.export import WORDS_AT_ONCE
from tests.support import sources
from tests.support.finished import Finished, dev_texts, predictions

# Of probabilities. A probe with a weak penalty has large weights, in which single precision shows.
CLOSE = 5e-5

SUBWORDS = "mode=floret", "minn=4", "maxn=5", "buckets=4000", "min_count=20"
RUNS = {
    "words": [],
    "floret": ["vectors=floret_tiny", *(f"vectors.{setting}" for setting in SUBWORDS)],
    "none": ["vectors=none", "pretrain.epochs=0"],
    "predicted only": ["encoder.static_vectors=false"],
    "another shape": ["encoder.width=48", "encoder.depth=1", "encoder.window_size=2", "encoder.maxout_pieces=2",
                      "textcat.early_stopping_examples=40"],
}  # fmt: skip

ELSEWHERE = """
import json, sys
sys.modules["lmao"] = None  # import lmao now fails as it does where it is not installed
try:
    import lmao
    sys.exit("lmao was imported")
except ImportError:
    pass
import spacy
job = json.load(sys.stdin)
scores = {}
for name, run in job.items():
    nlp = spacy.load(run["model"])
    scores[name] = [[doc.cats[label] for label in run["labels"]] for doc in nlp.pipe(run["texts"])]
json.dump(scores, sys.stdout)
"""


@pytest.fixture(scope="module")
def runs(finished: Callable[..., Finished]) -> dict[str, Finished]:
    return {name: finished(*overrides) for name, overrides in RUNS.items()}


@pytest.fixture(scope="module")
def elsewhere(runs: dict[str, Finished], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[float]]]:
    """The scores of each run's dev texts, by stock spaCy in a process that can't import lmao."""
    job = {
        name: {"model": str(run.folder / "model"), "labels": list(run.result.labels), "texts": dev_texts(run)}
        for name, run in runs.items()
    }
    process = subprocess.run(
        [sys.executable, "-I", "-c", ELSEWHERE],
        cwd=tmp_path_factory.mktemp("elsewhere"),
        input=json.dumps(job),
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    scores: dict[str, list[list[float]]] = json.loads(process.stdout)
    return scores


def test_the_benchmark_of_an_exported_model_finds_the_scores_of_the_run(runs: dict[str, Finished]) -> None:
    run = runs["words"]
    found = stock_scores(run.folder / "model", dev_texts(run))
    np.testing.assert_allclose(found, predictions(run.folder)["dev_scores"], atol=CLOSE)


@pytest.mark.parametrize("name", RUNS)
def test_stock_spacy_gives_the_same_scores_where_lmao_is_not_installed(
    name: str, runs: dict[str, Finished], elsewhere: dict[str, list[list[float]]]
) -> None:
    expected = predictions(runs[name].folder)["dev_scores"]
    assert len(expected) == 100 and np.ptp(expected[:, 0]) > 1e-3, "too much alike to tell"
    np.testing.assert_allclose(elsewhere[name], expected, atol=CLOSE)


def test_the_pipeline_takes_texts_in_batches_that_fit_the_cache(runs: dict[str, Finished]) -> None:
    run = runs["words"]
    nlp = spacy.load(run.folder / "model")
    words = [len(nlp.make_doc(text)) for text in dev_texts(run)]
    assert 0.5 < nlp.batch_size * np.mean(words) / WORDS_AT_ONCE < 2


def test_the_pipeline_says_which_vectors_it_has(runs: dict[str, Finished]) -> None:
    tables = {name: spacy.load(run.folder / "model").vocab.vectors for name, run in runs.items()}
    assert {name: table.mode for name, table in tables.items()} == {
        **dict.fromkeys(RUNS, "default"),
        "floret": "floret",
    }
    assert tables["none"].shape[0] == 0
    # Of one and the same attribute however often it is saved; the config says what words are looked up by.
    assert tables["words"].attr == spacy.attrs.ORTH and tables["floret"].attr == spacy.attrs.LOWER


def test_the_pipeline_says_what_it_is_and_what_spacy_evaluate_finds(runs: dict[str, Finished]) -> None:
    run = runs["words"]
    nlp = spacy.load(run.folder / "model")
    examples = []
    for text, label in zip(dev_texts(run), predictions(run.folder)["dev_labels"], strict=True):
        cats = {name: float(i == label) for i, name in enumerate(run.result.labels)}
        examples.append(Example.from_dict(nlp.make_doc(text), {"cats": cats}))
    found, said = nlp.evaluate(examples), nlp.meta["performance"]
    assert said["accuracy"] == run.result.dev_accuracy == pytest.approx(said["cats_micro_f"])
    for name, value in found.items():
        if name.startswith("cats_") and isinstance(value, float):
            assert said[name] == pytest.approx(value, abs=1e-4), name
    assert said["cats_macro_f"] == pytest.approx(run.result.dev.macro_f)
    assert nlp.meta["name"] == "docstrings" and nlp.meta["license"] == ""
    assert nlp.meta["description"].startswith("Tells 2 labels apart: numpy, scipy. Trained on 100 ")
    assert [source["name"] for source in nlp.meta["sources"]] == ["docstrings of numpy, scipy"]
    card = (run.folder / "model" / "README.md").read_text()
    assert card.startswith("# en_docstrings\n") and f"**{run.result.dev_accuracy:.4f}**" in card


@pytest.mark.parametrize(
    ("path", "name"),
    [("x/News 2.csv.gz", "news_2"), ("ä.csv", "a"), ("新聞.tsv", "files"), ("it's-my.data.csv", "it_s_my")],
)
def test_a_pipeline_s_name_is_that_of_its_file_in_the_letters_of_a_package(path: str, name: str) -> None:
    assert name_of(sources.files(Path(path))) == name


def test_a_run_without_pretraining_has_no_weights_for_spacy_train(runs: dict[str, Finished]) -> None:
    there = {name for name, run in runs.items() if (run.folder / "tok2vec.bin").exists()}
    assert there == set(RUNS) - {"none"}
    assert all((runs[name].folder / "config.cfg").exists() for name in there)


def pretrained_weights(run: Finished) -> Parameters:
    """What the cache holds of the run's last epoch, without the head."""
    vectors = spacy.load(run.folder / "model").vocab.vectors
    shapes = open_encoder(run.settings.encoder, vectors.shape[1]).shapes()
    size = sum(int(np.prod(shape)) for shape in shapes.values())
    loss = run.result.pretrain.loss if run.result.pretrain else []
    for entry in Path(run.settings.cache_dir).glob(f"pretrain/*/epoch-{len(loss)}"):
        epochs = json.loads((entry / "manifest.json").read_text())["meta"]["epochs"]
        if [epoch["loss"] for epoch in epochs] == loss:
            return Parameters(shapes, np.load(entry / "average.npy")[:size])
    raise AssertionError("these weights are not in the cache")


def examples(run: Finished, part: str) -> list[Doc]:
    return list(DocBin().from_disk(run.folder / f"{part}.spacy").get_docs(spacy.blank("en").vocab))


def test_the_labelled_texts_are_there_as_spacy_reads_them(runs: dict[str, Finished]) -> None:
    run = runs["words"]
    train, dev = examples(run, "train"), examples(run, "dev")
    assert len(train) == 100 and {doc.text for doc in dev} == set(dev_texts(run))
    label_of = dict(zip(dev_texts(run), predictions(run.folder)["dev_labels"], strict=True))
    assert all(doc.cats == {name: i == label_of[doc.text] for i, name in enumerate(run.result.labels)} for doc in dev)
    assert not {doc.text for doc in train} & set(label_of)
    assert len(examples(runs["another shape"], "dev")) == 40, "as many as an epoch is judged by"


def test_texts_that_have_changed_are_not_saved_with_the_labels_of_the_old_ones(
    finished: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the folder, nor in the cache, where the next run would find them."""
    settings = "data.train_examples=90", "textcat.epochs=1"

    def changed(source: Source, fingerprint: str) -> Iterator[Document]:
        return documents_of(source, f"{fingerprint} as it was")

    with monkeypatch.context() as patch:
        patch.setattr(spacy_train, "documents_of", changed)
        run = finished(*settings, "seed=7")
    assert "train.spacy and dev.spacy are not written: data: the data's files changed" in run.output
    assert not (run.folder / "train.spacy").exists() and (run.folder / "config.cfg").exists()
    assert (finished(*settings, "seed=7", "textcat.patience=1").folder / "train.spacy").exists()


@pytest.mark.parametrize("name", ["words", "floret", "predicted only"])
def test_init_tok2vec_gives_the_component_the_pretrained_weights(
    name: str, runs: dict[str, Finished], tmp_path: Path
) -> None:
    run = runs[name]
    config = load_config(run.folder / "config.cfg")
    nlp = init_nlp(config)
    tok2vec = nlp.get_pipe("textcat").model.get_ref("tok2vec")
    weights = pretrained_weights(run)
    places = stock_places(tok2vec)
    assert set(places) == set(weights.shapes)
    for array, (node, param) in places.items():
        np.testing.assert_array_equal(node.get_param(param), spacy_order(array, weights[array]))
    nlp.to_disk(tmp_path / "trained")
    saved = spacy.load(tmp_path / "trained")
    docs = [nlp.make_doc(case(text)) for text in dev_texts(run)[:3] for case in (str.lower, str.upper, str.title)]
    again = saved.get_pipe("textcat").model.get_ref("tok2vec")
    for one, other in zip(
        tok2vec.predict(docs), again.predict([saved.make_doc(doc.text) for doc in docs]), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("component", ["tagger", "ner"])
def test_other_components_start_from_the_weights_and_no_other_shape_does(
    component: str, runs: dict[str, Finished], tmp_path: Path
) -> None:
    run = runs["words"]
    annotated = {"words": ["The", "Cat", "sleeps"], "tags": ["DT", "NN", "VBZ"], "ents": ["O", "B-PET", "O"]}
    DocBin(docs=[Doc(spacy.blank("en").vocab, **annotated)]).to_disk(tmp_path / "train.spacy")
    config = load_config(run.folder / f"config-{component}.cfg")
    config["paths"] |= {"train": str(tmp_path / "train.spacy"), "dev": str(tmp_path / "train.spacy")}
    nlp = init_nlp(config)
    tok2vec, weights = nlp.get_pipe("tok2vec").model, pretrained_weights(run)
    for array, (node, param) in stock_places(tok2vec).items():
        np.testing.assert_array_equal(node.get_param(param), spacy_order(array, weights[array]))
    doc = Doc(nlp.vocab, **annotated)
    nlp.update([Example(nlp.make_doc(doc.text), doc)])
    config["components"]["tok2vec"]["model"]["encode"]["width"] = 48
    with pytest.raises(ValueError, match="Attempt to change dimension"):
        init_nlp(config)


def test_the_spacy_train_command_takes_config_and_weights(runs: dict[str, Finished], tmp_path: Path) -> None:
    run = runs["words"]
    command = [sys.executable, "-I", "-m", "spacy", "train", str(run.folder / "config.cfg"), "--output", "trained"]
    command += ["--training.max_steps", "2", "--verbose"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    assert "Loaded pretrained weights" in output, output
    trained = spacy.load(tmp_path / "trained" / "model-last")
    assert set(trained("A short text.").cats) == set(run.result.labels)
