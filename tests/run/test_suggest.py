"""`python -m lmao.suggest`: a table of texts to label, which data=files takes once it is filled in."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lmao import suggest
from lmao.config.run import Config
from lmao.data.source import open_source
from tests.support.finished import Finished

WORDS = {"sea": "wave tide ship fish salt", "city": "street tram market tower crowd"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """labelled.csv, and raw.txt with 40 texts: 10 that are labelled, 10 of each class, 4 of both, and 6 copies."""
    folder, random = tmp_path_factory.mktemp("texts"), np.random.default_rng(0)

    def sentence(*labels: str) -> str:
        own = " ".join(WORDS[label] for label in labels).split()
        return f"= {' '.join(random.choice(own, 8))}, {random.integers(1_000_000)}"

    labelled = [(sentence(label), label) for _ in range(30) for label in WORDS]
    with (folder / "labelled.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *labelled])
    raw = [*(text for text, _ in labelled[:10]), *(sentence(label) for label in WORDS for _ in range(10))]
    raw += [sentence(*WORDS) for _ in range(4)]
    (folder / "raw.txt").write_text("\n".join([*raw, *raw[10:16]]) + "\n")
    return folder


@pytest.fixture(scope="module")
def run(finished: Callable[..., Finished], place: Path) -> Finished:
    return finished("data=files", f"data.path={place / 'labelled.csv'}", "textcat=linear", "tracking.keep_models=all")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def command(run: Finished, place: Path, output: Path, *further: str) -> int:
    raw, labelled = str(place / "raw.txt"), str(place / "labelled.csv")
    return suggest.main([raw, "--model", str(run.folder), "--labelled", labelled, "--output", str(output), *further])


def test_the_table_has_texts_without_a_label_and_says_where_they_are(
    run: Finished, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(run, place, tmp_path / "a.csv", "--n", "8") == 0
    found, lines = rows(tmp_path / "a.csv"), (place / "raw.txt").read_text().splitlines()
    assert list(found[0]) == ["text", "label", "perhaps", "score", "place"]
    assert len(found) == len({row["text"] for row in found}) == 8
    for row in found:
        number = int(row["place"].rpartition(":")[2])
        assert row["text"] == f"'{lines[number - 1]}" and number > 10  # the first ten are labelled
        assert row["label"] == "" and row["perhaps"] in WORDS and 0.5 <= float(row["score"]) <= 1
    unsure = [row for row in found[::2] if 31 <= int(row["place"].rpartition(":")[2]) <= 34]
    assert len(unsure) >= 3  # of the four that are of both classes
    assert "8 of 24 texts" in capsys.readouterr().out


def test_once_filled_in_it_is_training_data(
    run: Finished, place: Path, tmp_path: Path, compose: Callable[..., Config]
) -> None:
    assert command(run, place, tmp_path / "a.csv") == 0
    found = rows(tmp_path / "a.csv")
    for row in found:
        row["label"] = row["perhaps"]
    with (tmp_path / "b.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, found[0])
        writer.writeheader()
        writer.writerows(found)
    source = open_source(compose("data=files", f"data.path={tmp_path / 'b.csv'}").data, tmp_path)
    lines = (place / "raw.txt").read_text().splitlines()
    texts = [lines[int(row["place"].rpartition(":")[2]) - 1] for row in found]  # as they were, without an apostrophe
    assert [(d.text, d.label) for d in source.documents()] == [
        (text, row["perhaps"]) for text, row in zip(texts, found, strict=True)
    ]


def test_what_was_suggested_is_not_suggested_again(run: Finished, place: Path, tmp_path: Path) -> None:
    """Also where a spreadsheet's guard stands before the text."""
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    assert command(run, place, first, "--n", "14") == 0
    assert command(run, place, second, "--n", "14", "--labelled", str(place / "labelled.csv"), str(first)) == 0
    assert len(rows(second)) == 10 and not {row["text"] for row in rows(first)} & {row["text"] for row in rows(second)}


def test_the_same_seed_suggests_the_same_and_all_where_there_are_no_more(
    run: Finished, place: Path, tmp_path: Path
) -> None:
    for name, further in (("a", ()), ("b", ()), ("c", ("--seed", "1")), ("all", ("--n", "100"))):
        assert command(run, place, tmp_path / f"{name}.csv", *further) == 0
    first, again, other, everything = (rows(tmp_path / f"{name}.csv") for name in ("a", "b", "c", "all"))
    assert first == again != other and len(everything) == 24


@pytest.mark.parametrize(
    ("further", "line"),
    [
        (["--n", "0"], "error: --n 0: give 1 or more\n"),
        (["--seed", "-1"], "error: --seed -1: give 0 or more\n"),
        (["--labelled", "{place}/raw.txt"], "error: no text is left that has no label yet\n"),
        (["--output", "a.txt"], "error: --output: a.txt does not end in .csv\n"),
        (
            ["--output", "{place}/labelled.csv"],
            "error: --output: {place}/labelled.csv is there: its labels would be lost: name another file\n",
        ),
        (["--output", "nowhere/a.csv"], "error: --output: there is no folder nowhere\n"),
        (
            ["--model", "nowhere"],
            "error: there is no folder nowhere: name the folder of a finished run, outputs/…\n",
        ),
    ],
)
def test_mistakes_are_one_line(
    run: Finished, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], further: list[str], line: str
) -> None:
    given = [one.format(place=place) for one in further]
    assert command(run, place, tmp_path / "a.csv", *given) == 2
    assert capsys.readouterr().err == line.format(place=place)
    assert not (tmp_path / "a.csv").exists()
