"""Whole runs: what they leave behind, what a second one takes from the first, and that arms differ in one thing."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lmao.cache import file_digest
from lmao.config.run import Config
from lmao.data.document import Part
from lmao.data.source import open_source
from tests.support.finished import Finished, predictions
from tests.support.processes import TRAIN, Place, ProcessResult

COMMAND = ["debug=tiny", "threads=1", "evaluate_test=true"]
STAGES = {"encode", "data", "scale", "vectors", "pretrain", "probe", "textcat", "evaluate", "test"}
ROWS = {"dev", "test", "model", "predict", "look", "time", "compare"}
FIELDS = {  # of result.json, as DESIGN.md has it
    "": "dev_accuracy dev test pretrain textcat parameters model_mb classifier_mb digests scaled seed versions "
    "mlflow_run_id peak_rss_mb",
    "dev": "accuracy macro_f log_loss calibration_error examples confusion",
    "test": "accuracy macro_f log_loss calibration_error examples confusion",
    "pretrain": "epochs words seconds words_per_second loss cached",
    "textcat": "epochs best_epoch seconds",
    "digests": "data vectors config",
}


@dataclass(frozen=True)
class Command:
    """A `python train.py` that ended, and its run's folder."""

    ended: ProcessResult
    folder: Path

    @property
    def result(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads((self.folder / "result.json").read_text())
        return values


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where the commands are given; its cache starts empty."""
    folder = tmp_path_factory.mktemp("workplace")
    return Place(folder, folder / "cache", COMMAND)


@pytest.fixture(scope="module")
def first(workplace: Place) -> Command:
    """Python's start and all imports included, as nowhere else."""
    command = [sys.executable, TRAIN, *COMMAND, "tracking=mlflow", "tracking.study=trial"]
    environment = {**os.environ, "LMAO_CACHE": str(workplace.cache)}
    process = subprocess.run(  # 12 s on two idle cores
        command, cwd=workplace.folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert process.returncode == 0, process.stderr
    [folder] = workplace.folder.glob("outputs/*/*")
    return Command(ProcessResult(0, process.stdout, process.stderr), folder)


@pytest.fixture(scope="module")
def second(workplace: Place, first: Command) -> Command:
    ended = workplace.finish()
    assert ended.code == 0, ended.errors
    [folder] = set(workplace.folder.glob("outputs/*/*")) - {first.folder}
    return Command(ended, folder)


@pytest.fixture
def database(workplace: Place, first: Command) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(workplace.folder / "mlflow.db")
    yield connection
    connection.close()


# The command, from outside


@pytest.mark.parametrize("run", ["first", "second"])
def test_the_screen_shows_stages_and_a_table_and_nothing_else(run: str, request: pytest.FixtureRequest) -> None:
    ended = request.getfixturevalue(run).ended
    assert ended.errors == ""
    above, below = ended.output.split("-" * 99 + "\n")
    assert {line.split()[0] for line in above.splitlines()} == STAGES
    rows = [line.split()[0] for line in below.splitlines()]
    assert set(rows) == (ROWS if run == "first" else ROWS - {"compare"})
    assert len(rows) == len(set(rows))
    assert "arning" not in ended.output


def test_the_runs_folder_is_complete(first: Command) -> None:
    files = {path.relative_to(first.folder).parts[0] for path in first.folder.rglob("*") if path.is_file()}
    assert files == {
        "result.json", "model", "classifier", "tok2vec.bin", "config.cfg", "predictions.npz", "probe_predictions.npz",
        "config-tagger.cfg", "config-ner.cfg", "train.spacy", "dev.spacy", "train.log", ".hydra",
        "confusion.png", "curves.png", "errors.csv", "doubtful.csv", "manifest.json", ".lmao",
    }  # fmt: skip
    log = (first.folder / "train.log").read_text()
    assert "pretrain: epoch 1/1" in log and "dev accuracy" in log
    for name in ("confusion.png", "curves.png"):
        assert (first.folder / name).read_bytes().startswith(b"\x89PNG")


def test_the_result_has_every_field_of_the_contract(first: Command) -> None:
    for section, names in FIELDS.items():
        values = first.result[section] if section else first.result
        assert set(names.split()) <= set(values), section
    result = first.result
    assert result["pretrain"]["epochs"] == len(result["pretrain"]["loss"]) == 1
    assert result["pretrain"]["cached"] == 0
    assert result["seed"] == 0
    assert result["versions"].keys() >= {"lmao", "python", "numpy", "spacy", "hydra-core"}
    assert 100 < result["peak_rss_mb"] < 4000
    for name in ("model", "classifier"):
        size = sum(path.stat().st_size for path in (first.folder / name).rglob("*") if path.is_file())
        assert result[f"{name}_mb"] == pytest.approx(size / 1e6, rel=0.01)  # the model's card is written after


def test_scores_are_those_of_the_predictions(first: Command) -> None:
    stored = predictions(first.folder)
    for part in ("dev", "test"):
        scores, labels = stored[f"{part}_scores"], stored[f"{part}_labels"]
        assert len(scores) == len(labels) == len(stored[f"{part}_documents"]) == first.result[part]["examples"]
        assert (scores.argmax(axis=1) == labels).mean() == pytest.approx(first.result[part]["accuracy"])
        assert np.sum(first.result[part]["confusion"]) == len(labels)
    assert first.result["dev_accuracy"] == first.result["dev"]["accuracy"]


def test_test_examples_are_the_test_documents_with_their_labels(first: Command, tiny: Config, tmp_path: Path) -> None:
    documents = list(open_source(tiny.data, tmp_path).documents())
    stored = predictions(first.folder)
    for part in ("dev", "test"):
        chosen = [documents[number] for number in stored[f"{part}_documents"]]
        assert {document.part == Part.TEST for document in chosen} == {part == "test"}
        names = [first.result["labels"][label] for label in stored[f"{part}_labels"]]
        assert names == [document.label for document in chosen]


def test_mlflow_has_the_run_finished_and_named(database: sqlite3.Connection, first: Command) -> None:
    rows = database.execute("select run_uuid, name, status from runs").fetchall()
    assert rows == [(first.result["mlflow_run_id"], "docstrings cnn pretrain=1 seed=0", "FINISHED")]
    tags = dict(database.execute("select key, value from tags").fetchall())
    assert tags.items() >= {"study": "trial", "data": "docstrings", "pretrain_epochs": "1"}.items()
    assert tags["git_commit"]


def test_mlflow_has_the_flattened_config_and_what_the_corpus_decided(
    database: sqlite3.Connection, first: Command
) -> None:
    parameters = dict(database.execute("select key, value from params").fetchall())
    expected = {"pretrain.epochs": "1", "seed": "0", "encoder.width": "32", "optimizer.beta2": "0.999"}
    expected |= {name: str(value) for name, value in first.result["scaled"].items()}
    assert "pretrain.window_words" in expected
    assert parameters.items() >= expected.items()
    assert {key.partition(".")[0] for key in parameters} >= {"data", "vectors", "objective", "textcat"}


def test_mlflow_has_every_metric_with_its_steps(database: sqlite3.Connection, first: Command) -> None:
    values: dict[str, dict[int, float]] = {}
    for key, step, value in database.execute("select key, step, value from metrics order by step"):
        values.setdefault(key, {})[step] = value
    result = first.result
    assert values["dev/best_accuracy"] == {0: result["dev_accuracy"]}
    assert values["test/accuracy"] == {0: result["test"]["accuracy"]}
    assert values["pretrain/loss"] == pytest.approx({1: result["pretrain"]["loss"][0]})
    assert values["dev/accuracy"] == {epoch["epoch"]: epoch["dev_accuracy"] for epoch in result["textcat"]["records"]}
    assert list(values["textcat/loss"]) == [1, 2]
    assert {"pretrain/words_per_second", "pretrain/heldout_document_cosine", "vectors/coverage"} <= set(values)


def test_mlflow_has_the_data_and_the_artifacts(database: sqlite3.Connection, workplace: Place, first: Command) -> None:
    digests = dict(database.execute("select name, digest from datasets").fetchall())
    assert set(digests) == {"docstrings", "document"}
    assert first.result["digests"]["data"].startswith(digests["docstrings"])
    assert first.result["digests"]["vectors"].startswith(digests["document"])
    [artifacts] = workplace.folder.glob("mlruns/*/*/artifacts")
    assert {path.name for path in artifacts.iterdir()} == {
        "result.json", "predictions.npz", "confusion.png", "curves.png", "config.yaml",
    }  # fmt: skip


def test_a_second_run_is_the_same_bit_for_bit_and_from_the_cache(first: Command, second: Command) -> None:
    for line in ("encode", "vectors", "pretrain"):
        assert any(row.startswith(line) and " · cached" in row for row in second.ended.output.splitlines()), line
    assert second.result["pretrain"]["cached"] == 1
    for name in ("tok2vec.bin", "model/textcat/model", "model/vocab/vectors"):
        assert file_digest(first.folder / name) == file_digest(second.folder / name), name
    stored = predictions(first.folder)
    for name, values in predictions(second.folder).items():
        np.testing.assert_array_equal(values, stored[name])
    assert first.result["digests"] == second.result["digests"]


# Runs in this process


def test_more_epochs_compute_only_what_is_missing(finished: Callable[..., Finished]) -> None:
    one, two = finished("seed=7"), finished("seed=7", "pretrain.epochs=2")
    assert one.result.pretrain is not None and two.result.pretrain is not None
    assert (one.result.pretrain.cached, two.result.pretrain.cached) == (0, 1)
    assert two.result.pretrain.loss[:1] == one.result.pretrain.loss
    assert "epoch 1/2" in two.output and "epoch 2/2" in two.output


def test_arms_with_one_seed_differ_in_pretraining_alone(finished: Callable[..., Finished]) -> None:
    without, pretrained = finished("pretrain.epochs=0"), finished()
    assert without.result.pretrain is None and without.result.test is None
    assert not (without.folder / "tok2vec.bin").exists()
    assert "pre-trained arrays" not in without.output and "loaded 17 pre-trained arrays" in pretrained.output
    for name in ("data", "vectors"):
        assert without.result.digests[name] == pretrained.result.digests[name]
    assert without.result.digests["config"] != pretrained.result.digests["config"]
    both = [predictions(run.folder) for run in (without, pretrained)]
    np.testing.assert_array_equal(both[0]["dev_documents"], both[1]["dev_documents"])
    assert not np.array_equal(both[0]["dev_scores"], both[1]["dev_scores"])


def test_another_seed_draws_other_examples(finished: Callable[..., Finished]) -> None:
    both = [predictions(run.folder) for run in (finished(), finished("seed=7"))]
    assert not np.array_equal(both[0]["dev_documents"], both[1]["dev_documents"])


def test_without_evaluate_test_nothing_of_the_test_part_is_read_or_scored(
    finished: Callable[..., Finished], tmp_path: Path
) -> None:
    run = finished("textcat=linear", f"cache_dir={tmp_path}")
    assert run.result.test is None
    assert not any(name.startswith("test") for name in predictions(run.folder))
    assert (tmp_path / "corpus").exists() and not list(tmp_path.glob("test_labels/*"))


def test_the_linear_baseline_is_judged_on_the_same_examples(finished: Callable[..., Finished]) -> None:
    linear, cnn = finished("textcat=linear"), finished("pretrain.epochs=0")
    assert linear.result.digests["data"] == cnn.result.digests["data"]
    assert linear.result.dev.examples == 100 and linear.result.dev_accuracy > 0.6
    assert linear.result.pretrain is None
    assert set(asdict(linear.result)) >= set(FIELDS[""].split())
    np.testing.assert_array_equal(predictions(linear.folder)["dev_labels"], predictions(cnn.folder)["dev_labels"])
    assert (linear.folder / "model").exists()
