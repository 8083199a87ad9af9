"""errors.csv and doubtful.csv: what a user finds in them, and that they never cost a run its result."""

import csv
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from lmao.data.document import Document, Part
from lmao.data.parts import PartedSource
from lmao.run import review
from tests.support.finished import Finished, predictions

WORDS = {"sea": "wave tide ship fish salt", "city": "street tram market tower crowd", "wood": "tree moss deer owl fern"}
PLANTED = 6


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV in which each text looks like a formula, has two lines, and names its class and its number; the first texts
    have another label."""
    path, random = tmp_path_factory.mktemp("texts") / "texts.csv", np.random.default_rng(0)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(150):
            label = list(WORDS)[number % 3]
            own = " ".join(random.choice(WORDS[label].split(), 6))
            other = list(WORDS)[(number + 1) % 3] if number < PLANTED else label
            rows.writerow([f'={own} "{number}"\nsecond line of {label}', other])
    return path


@pytest.fixture(scope="module")
def reviewed(finished: Callable[..., Finished], table: Path) -> Finished:
    return finished("data=files", f"data.path={table}", "textcat=linear", "data.train_examples=120")


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def line_of(row: dict[str, str]) -> int:
    """Of the user's file, from the number in the text: each has two lines."""
    return 2 + 2 * int(row["text"].split('"')[1])


def test_errors_are_the_dev_texts_by_loss(reviewed: Finished, table: Path) -> None:
    rows, saved = read(reviewed.folder / "errors.csv"), predictions(reviewed.folder)
    assert list(rows[0]) == ["place", "gold", "predicted", "loss", "gold score", "predicted score", "text"]
    assert len(rows) == len(saved["dev_labels"]) == 30
    losses = [float(row["loss"]) for row in rows]
    assert losses == sorted(losses, reverse=True)
    for row in rows:
        assert row["place"] == f"{table}:{line_of(row)}" and row["text"].startswith("'=")
        assert float(row["loss"]) == pytest.approx(-np.log(float(row["gold score"])), abs=0.3)
    assert sum(row["gold"] != row["predicted"] for row in rows) == round(30 * (1 - reviewed.result.dev_accuracy))


def test_predictions_say_where_their_texts_are(reviewed: Finished) -> None:
    saved = predictions(reviewed.folder)
    gold = {row["place"]: row["gold"] for row in read(reviewed.folder / "errors.csv")}
    labels = [reviewed.result.labels[label] for label in saved["dev_labels"]]
    assert [gold[place] for place in saved["dev_places"].tolist()] == labels


def test_planted_label_errors_are_in_doubt(reviewed: Finished, table: Path) -> None:
    rows = read(reviewed.folder / "doubtful.csv")
    assert list(rows[0]) == ["place", "label", "perhaps", "label score", "perhaps score", "text"]
    planted = [row for row in rows if line_of(row) < 2 + 2 * PLANTED]
    on_dev = [row for row in read(reviewed.folder / "errors.csv") if line_of(row) < 2 + 2 * PLANTED]
    assert len(planted) + len(on_dev) == PLANTED and rows[: len(planted)] == planted
    for row in planted:
        assert row["place"] == f"{table}:{line_of(row)}" and row["text"].endswith(f"of {row['perhaps']}")
    assert all(float(row["label score"]) < float(row["perhaps score"]) for row in rows)


def test_the_screen_says_what_to_look_at(reviewed: Finished) -> None:
    wrong = round(30 * (1 - reviewed.result.dev_accuracy))
    [line] = [line for line in reviewed.output.splitlines() if line.startswith("look at ")]
    assert f"{reviewed.folder}/errors.csv ({wrong} of 30 wrong)   doubtful.csv (" in line


def test_files_are_bounded(finished: Callable[..., Finished], table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "ROWS", 3)
    monkeypatch.setattr(review, "CHARACTERS", 10)
    run = finished("data=files", f"data.path={table}", "textcat=linear", "data.train_examples=119")
    for name in ("errors.csv", "doubtful.csv"):
        rows = read(run.folder / name)
        assert len(rows) <= 3 and all(len(row["text"]) <= 11 for row in rows)
    assert len(predictions(run.folder)["dev_places"]) == 30


def broken(self: PartedSource) -> Sequence[Document]:
    raise OSError("the disk is gone")


def changed(self: PartedSource) -> Sequence[Document]:
    """The labels stay as they are, so that no order of them would tell."""
    path = self.paths[Part.TRAIN]
    path.write_text(path.read_text().replace("second line", "last line"))
    return [Document("another text", "sea", Part.TRAIN)] * 150


@pytest.mark.parametrize(
    ("documents", "what", "seed"),
    [(broken, "the disk is gone", 1), (changed, "the files have changed since the run began", 2)],
)
def test_a_failure_costs_a_warning_and_not_the_result(
    finished: Callable[..., Finished], reviewed: Finished, table: Path, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path, documents: Callable[[PartedSource], Sequence[Document]], what: str, seed: int,
) -> None:  # fmt: skip
    """The corpus is in the cache: only the review reads the files again."""
    monkeypatch.setattr(PartedSource, "documents", documents)
    own = shutil.copy(table, tmp_path / table.name)
    run = finished("data=files", f"data.path={own}", "textcat=linear", "data.train_examples=120", f"seed={seed}")
    warnings = [line for line in run.output.splitlines() if line.startswith("warning")]
    assert [line for line in warnings if "errors.csv and doubtful.csv are not all written" in line and what in line]
    assert json.loads((run.folder / "result.json").read_text())["dev_accuracy"] == run.result.dev_accuracy
    assert "look at" not in run.output and "dev accuracy" in run.output
    assert "dev_scores" in predictions(run.folder)
