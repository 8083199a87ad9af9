"""The accuracy suite: what is run in which order, what is kept, and what the page says of it."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.suite import __main__ as command
from benchmarks.suite import page, spacy_peers
from benchmarks.suite.cells import AUTO, LABELS, PEERS, SETS, Cell, cells, settings
from benchmarks.suite.draws import Draw, Labelled, draw
from benchmarks.suite.ours import records_of
from benchmarks.suite.peers import measure
from benchmarks.suite.records import Record, Records
from lmao.errors import UserError
from lmao.paths import ROOT
from tests.support.finished import Finished, predictions

CELL = Cell("mr", 100, 0, AUTO)


def a_record(seed: int, role: str, model: str, dev: float, test: float | None = None) -> Record:
    return Record(
        "mr", 100, seed, role, model, dev_accuracy=dev, dev_macro_f=dev, test_accuracy=test, test_macro_f=test,
        cross_validated=None, share=0.5 if role == "arm" else None, seconds=2.0, megabytes=3.0, dev_examples=500,
        test_examples=None if test is None else 2000, code="abc",
    )  # fmt: skip


def words(rng: np.random.Generator, label: int, count: int) -> str:
    own = [f"{'good' if label else 'bad'}{number}" for number in rng.integers(12, size=count)]
    return " ".join([*own, *(f"word{number}" for number in rng.integers(30, size=count))])


def some(rng: np.random.Generator, count: int) -> Labelled:
    labels = np.arange(count, dtype=np.int32) % 2
    return Labelled([words(rng, label, 4) for label in labels.tolist()], labels)


@pytest.fixture
def suite_folder(tmp_path: Path) -> Path:
    """MR's files, with made-up sentences."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 60), ("dev", 20), ("test", 20)):
        path = tmp_path / "data" / "mr" / f"{part}.jsonl.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        made = some(rng, count)
        with gzip.open(path, "wt") as file:
            for text, label in zip(made.texts, made.labels.tolist(), strict=True):
                file.write(json.dumps({"text": text, "label": str(label)}) + "\n")
    return tmp_path / "data"


def test_all_cells_come_once_the_quick_ones_first_and_seeds_take_turns() -> None:
    found = cells(SETS, LABELS, 2, (AUTO, *PEERS))
    assert len(found) == len(set(found)) == (len(SETS) * len(LABELS) - 1) * 2 * (1 + len(PEERS))
    assert [cell.set for cell in found[: 6 * 5]] == ["mr"] * 10 + ["agnews"] * 10 + ["trec"] * 10
    assert {cell.seed for cell in found[: 6 * 5]} == {0} and found[6 * 5].seed == 1
    assert found[-1] == Cell("imdb", 20, 1, "spaCy CNN")
    assert {cell.labels for cell in cells(["mr"], [20], 1, PEERS)} == {20}
    assert {cell.labels for cell in cells(["20ng"], LABELS, 1, PEERS)} == {100, 1000}


def test_what_is_run_is_the_default_on_a_draw(compose: Callable[..., object], suite_folder: Path) -> None:
    typed = settings(CELL, suite_folder, None)
    assert compose(*typed)
    names = {one.partition("=")[0].partition(".")[0] for one in typed}
    assert names == {"data", "seed", "pretrain", "threads", "vectors", "tracking"}  # nothing of the method is chosen
    assert compose(*settings(Cell("imdb", 100, 0, AUTO), None, "aclImdb_v1.tar.gz"))
    with pytest.raises(UserError, match=r"there is no .*/trec/train\.jsonl\.gz: give --data"):
        settings(Cell("trec", 100, 0, AUTO), suite_folder, None)
    with pytest.raises(UserError, match="give --data"):
        settings(CELL, None, None)


def test_records_are_kept_and_replaced_and_test_is_asked_for_once(tmp_path: Path) -> None:
    records = Records(tmp_path / "new" / "runs.jsonl")
    assert records.read() == [] and not records.has(CELL, with_test=False)
    records.add([a_record(0, "auto", AUTO, 0.5), a_record(0, "arm", "LSA", 0.4)])
    records.add([a_record(1, "auto", AUTO, 0.6)])
    assert records.has(CELL, with_test=False) and not records.has(CELL, with_test=True)
    assert not records.has(replace(CELL, seed=2), with_test=False)
    assert not records.has(replace(CELL, model="LSA"), with_test=False)  # an arm is no cell
    records.add([a_record(0, "auto", AUTO, 0.5, test=0.7)])
    assert records.has(CELL, with_test=True) and len(records.read()) == 3
    (tmp_path / "new" / "runs.jsonl").write_text("{}\n")
    with pytest.raises(UserError, match=r"runs\.jsonl:1 is not a record of set, labels, .*: move it away"):
        records.read()


def test_a_run_gives_auto_its_arms_and_the_control(finished: Callable[..., Finished]) -> None:
    run = finished("textcat=auto_tiny", "evaluate_test=true")
    auto, *others = records_of(CELL, json.loads(json.dumps(asdict(run.result))))
    assert run.result.test is not None and run.result.choice is not None and run.result.pretrain is not None
    assert (auto.role, auto.dev_accuracy, auto.test_accuracy) == (
        "auto", run.result.dev_accuracy, run.result.test.accuracy,
    )  # fmt: skip
    assert auto.seconds is not None and auto.seconds > run.result.pretrain.seconds
    assert [record.model for record in others if record.role == "arm"] == [arm.name for arm in run.result.choice.arms]
    assert [record.role for record in others].count("control") == 1
    assert all(record.test_accuracy is not None and record.test_macro_f is not None for record in others)


def test_peers_have_the_same_draw_as_the_run(finished: Callable[..., Finished]) -> None:
    run = finished("textcat=auto_tiny", "evaluate_test=true")
    found, saved = draw(run.settings), predictions(run.folder)
    assert found.test is not None
    np.testing.assert_array_equal(found.dev.labels, saved["dev_labels"])
    np.testing.assert_array_equal(found.test.labels, saved["test_labels"])
    assert len(found.train.texts) == 100 and not set(found.test.texts) & set(found.raw)
    assert draw(run.settings.model_copy(update={"evaluate_test": False})).test is None


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """`spacy train` stops soon."""
    monkeypatch.setattr(spacy_peers, "EVERY", 10)
    monkeypatch.setattr(spacy_peers, "PATIENCE", 20)


@pytest.mark.parametrize("peer", PEERS)
def test_each_peer_learns(peer: str, impatient: None) -> None:
    rng = np.random.default_rng(0)
    train, dev = some(rng, 40), some(rng, 40)
    drawn = Draw(train, dev, None, [*train.texts, *dev.texts], classes=2)
    record = measure(Cell("mr", 40, 0, peer), drawn)
    assert record.role == "peer" and record.model == peer and record.test_accuracy is None
    assert record.dev_accuracy > 0.8 and record.dev_macro_f is not None and record.dev_examples == 40
    assert record.seconds is not None and record.seconds > 0 and record.megabytes is not None and record.megabytes > 0


def test_labels_without_a_second_example_stop_no_peer(impatient: None) -> None:
    train = Labelled(["good good1", "bad bad1", "neither one"], np.array([0, 1, 2], dtype=np.int32))
    drawn = Draw(train, train, None, [*train.texts, "good good2", "bad bad1 good2"], classes=3)
    for peer in PEERS:
        assert measure(Cell("mr", 20, 0, peer), drawn).dev_examples == 3


def options(folder: Path, data: Path, *more: str) -> list[str]:
    return ["--data", str(data), "--folder", str(folder), "--sets", "mr", "--labels", "20", *more]


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["suite", *arguments])
    return command.main()


def test_what_is_finished_is_not_run_again_and_a_failure_stops_nothing(
    suite_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = options(tmp_path / "out", suite_folder, "--models", "TF-IDF + LR", "--seeds", "2")
    assert run_command(monkeypatch, *typed, "--report") == 2
    assert "error: nothing has been measured yet" in capsys.readouterr().err
    assert run_command(monkeypatch, "--data", str(tmp_path), "--folder", str(tmp_path / "out")) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not (tmp_path / "out").exists()  # not a line a cell
    measured: list[Cell] = []

    def fails_at_first(cell: Cell, drawn: Draw) -> Record:
        measured.append(cell)
        if len(measured) == 1:
            raise UserError("the disk is full")
        return measure(cell, drawn)

    monkeypatch.setattr(command, "measure", fails_at_first)
    assert run_command(monkeypatch, *typed) == 2
    assert "these failed, for the reasons above: MR, 20 labels, seed 0, TF-IDF + LR" in capsys.readouterr().err
    assert run_command(monkeypatch, *typed) == 0
    assert [cell.seed for cell in measured] == [0, 1, 0]
    assert run_command(monkeypatch, *typed) == 0 and len(measured) == 3
    assert run_command(monkeypatch, *typed, "--test") == 0 and len(measured) == 5
    assert all(record.test_examples == 20 for record in Records(tmp_path / "out" / "runs.jsonl").read())
    assert capsys.readouterr().out.endswith((tmp_path / "out" / "README.md").read_text() + "\n")


def test_a_killed_suite_loses_nothing_that_was_finished(suite_folder: Path, tmp_path: Path) -> None:
    typed = options(tmp_path / "out", suite_folder, "--models", "TF-IDF + LR", "--seeds", "200")
    with subprocess.Popen([sys.executable, "-m", "benchmarks.suite", *typed], cwd=ROOT, stdout=subprocess.PIPE) as made:
        assert made.stdout is not None
        assert b"MR, 20 labels, seed 0, TF-IDF + LR: dev " in made.stdout.readline()
        time.sleep(0.05)
        os.kill(made.pid, signal.SIGKILL)
        finished = 1 + made.stdout.read().count(b": dev ")
    assert finished <= len(Records(tmp_path / "out" / "runs.jsonl").read()) <= finished + 1


def test_the_page_pairs_draws_and_names_the_best_after_the_fact() -> None:
    records = [a_record(seed, "auto", AUTO, 0.0, 0.70 + 0.02 * seed) for seed in (0, 1)]
    records += [a_record(seed, "arm", "LSA", 0.0, 0.60 + 0.02 * seed) for seed in (0, 1)]
    records += [a_record(seed, "arm", "probe", 0.0, 0.65) for seed in (0, 1)]
    records += [a_record(seed, "control", "encoder", 0.0, 0.50) for seed in (0, 1)]
    records += [a_record(0, "peer", "fastText", 0.0, 0.9)]  # of one draw alone: not the best of two
    records += [a_record(seed, "peer", "LSA + LR", 0.0, 0.71) for seed in (0, 1)]
    records += [a_record(seed, "peer", "TF-IDF + LR", 0.0, 0.7) for seed in (0, 1, 2)]  # auto hasn't the third yet
    text = page.of(records)
    assert "| MR, 100 | test | 71.0 ± 1.4 | 65.0 ± 0.0 probe | 50.0 ± 0.0 | 71.0 ± 0.0 LSA + LR | 2 |" in text
    assert "| MR, 100 | best single arm: probe | +6.00 | -6.7 to +18.7 | 1.00 | 2 |" in text
    assert "| MR, 100 | without pre-training | +21.00 | " in text
    assert "best single arm: +6.00 in the mean of the rows, +6.00 at the least. without pre-training: +21.00" in text
    assert "| MR, 100 | best peer: LSA + LR | +0.00 | " in text
    assert "| *fastText* | 90.0 | 90.0 | 1 | 2.0 | 3.00 |  |" in text
    assert "On 2,000 examples for test." in text
    assert "Not run yet: MR 20, MR 1,000, AG News 20" in text and "Commits: abc." in text
    assert "| AG News | 1,000 | SetFit, MiniLM | 88.0 |" in text


def test_the_page_is_of_dev_until_all_draws_were_read_on_test() -> None:
    records = [a_record(0, "auto", AUTO, 0.6, 0.7), a_record(1, "auto", AUTO, 0.6)]
    text = page.of(records)
    assert "| MR, 100 | dev | 60.0 ± 0.0 |" in text and "On 500 examples for development." in text
    assert "Accuracy and\nmacro F are those of\nthe dev part." in text
    assert all(f"\n| {peer} | " in text for peer in PEERS)
