"""What annotation tools export: one label a text, and what an annotator did not accept is said or refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from lmao.data.parts import PartedSource
from tests.support.sources import files, jsonl, message, source, write


def read(path: Path, **settings: Any) -> tuple[list[tuple[str, str | None]], list[str]]:
    """Texts with labels, and what the line `data` says."""
    opened = source(files(path, **settings))
    assert isinstance(opened, PartedSource)
    found = [(document.text, document.label) for document in opened.documents()]
    return found, opened.notes


def prodigy(text: str, label: str, answer: str = "accept", **more: Any) -> dict[str, Any]:
    return {"text": text, "label": label, "_input_hash": 1, "_task_hash": 2, "answer": answer, **more}


def choice(text: str, *accept: str, answer: str = "accept") -> dict[str, Any]:
    options = [{"id": name, "text": name.upper()} for name in ("a", "b", "c")]
    return {"text": text, "options": options, "_task_hash": 2, "accept": accept, "answer": answer}


def task(text: str, *choices: Any, cancelled: bool = False, question: str = "sentiment") -> dict[str, Any]:
    """Label Studio's, with an annotation for each choice or list of choices."""
    results = [
        {
            "type": "choices",
            "from_name": question,
            "to_name": "text",
            "value": {"choices": [one] if isinstance(one, str) else one},
        }
        for one in choices
    ]
    annotations = [{"id": i, "was_cancelled": cancelled, "result": [result]} for i, result in enumerate(results)]
    return {"id": 1, "data": {"text": text}, "annotations": annotations, "predictions": []}


def flat(text: str, sentiment: Any) -> dict[str, Any]:
    own = {"id": 1, "annotator": 1, "annotation_id": 1, "created_at": "2026", "updated_at": "2026", "lead_time": 1.5}
    return {"text": text, "sentiment": sentiment, **own}


PLAIN = [("one", "a"), ("two", "b")]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"text": "one", "label": ["a"]}, {"text": "two", "label": "b"}], "JSONL"),
        ([{"text": "one", "cats": {"a": 1.0, "b": 0.0}}, {"text": "two", "cats": {"a": 0, "b": 1}}], "JSONL"),
        ([prodigy("one", "a"), prodigy("two", "b")], "Prodigy's JSONL"),
        ([choice("one", "a"), choice("two", "b")], "Prodigy's JSONL"),
        ([task("one", "a"), task("two", "b", "b")], "Label Studio's JSONL"),
        ([flat("one", "a"), flat("two", {"choices": ["b"]})], "Label Studio's flat JSONL"),
        ([{"id": 1, "data": "one", "label": ["a"]}, {"id": 2, "data": "two", "label": ["b"]}], "doccano's JSONL"),
        ([{"id": 1, "text": "one", "labels": ["a"]}, {"id": 2, "text": "two", "labels": ["b"]}], "doccano's JSONL"),
    ],
)
def test_exports_are_known_by_what_is_in_them(tmp_path: Path, rows: list[Any], said: str) -> None:
    assert read(write(tmp_path / "a.jsonl", jsonl(rows))) == (PLAIN, [said])
    assert read(write(tmp_path / "a.json", json.dumps(rows, indent=1))) == (PLAIN, [said.removesuffix("L")])
    unlabelled = write(tmp_path / "raw.jsonl", jsonl(rows))
    found, _ = read(write(tmp_path / "b.csv", "text,label\nx,a\ny,b\n"), unlabelled_path=unlabelled)
    assert found[2:] == [("one", None), ("two", None)]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            "annotation_id,annotator,created_at,id,lead_time,sentiment,text,updated_at\n1,1,x,1,2.5,a,one,x\n2,1,x,2,2.5,b,two,x\n",
            "Label Studio's flat CSV (comma, header)",
        ),
        ("id,data,label,Comments\n1,one,a,\n2,two,b,\n", "doccano's CSV (comma, header)"),
        ("text,label,answer\none,a,accept\ntwo,b,accept\n", "Prodigy's CSV (comma, header)"),
    ],
)
def test_tables_of_annotation_tools_are_known_by_their_columns(tmp_path: Path, table: str, said: str) -> None:
    assert read(write(tmp_path / "a.csv", table)) == (PLAIN, [said])


def test_ignored_examples_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = [prodigy("one", "a"), prodigy("", "b", "ignore"), prodigy("two", "b"), choice("three", answer="ignore")]
    found, notes = read(write(tmp_path / "a.jsonl", jsonl(rows)))
    assert found == PLAIN
    assert notes == ["Prodigy's JSONL", "2 ignored, left out"]
    rows = [task("one", "a"), task("skipped", "a", cancelled=True), task("two", "b")]
    assert read(write(tmp_path / "b.jsonl", jsonl(rows)))[1] == ["Label Studio's JSONL", "1 ignored, left out"]


def test_of_two_labels_a_rejected_one_means_the_other(tmp_path: Path) -> None:
    rows = [prodigy("one", "a"), prodigy("not a", "a", "reject"), prodigy("two", "b"), prodigy("not b", "b", "reject")]
    path = write(tmp_path / "a.jsonl", jsonl(rows))
    dev = write(tmp_path / "dev.jsonl", jsonl([prodigy("dev", "b", "reject")]))
    found, notes = read(path, dev_path=dev)
    assert found == [*PLAIN, ("not a", "b"), ("not b", "a"), ("dev", "a")]
    assert notes == ["Prodigy's JSONL", "3 rejected, read as the other label"]


def test_of_one_label_a_rejected_one_means_that_it_is_not(tmp_path: Path) -> None:
    rows = [prodigy("no", "a", "reject"), prodigy("yes", "a"), prodigy("no, too", "a", "reject")]
    found, _ = read(write(tmp_path / "a.jsonl", jsonl(rows)))
    assert found == [("yes", "a"), ("no", "not a"), ("no, too", "not a")]


def test_of_three_labels_a_rejected_one_is_refused(tmp_path: Path) -> None:
    rows = [prodigy("one", "a"), prodigy("two", "b"), prodigy("three", "c"), prodigy("four", "a", "reject")]
    path = write(tmp_path / "a.jsonl", jsonl(rows))
    assert message(files(path)) == (
        f"{path}:4: 'a' is rejected, and 2 other labels may be right: accept one of them, or remove the line"
    )


def test_an_answer_that_is_none_of_prodigys_is_a_column_like_others(tmp_path: Path) -> None:
    rows = [{"text": "one", "label": "a", "answer": "Paris"}, {"text": "two", "label": "b", "answer": ["x"]}]
    assert read(write(tmp_path / "a.jsonl", jsonl(rows))) == (PLAIN, ["JSONL"])


def test_of_several_questions_a_setting_names_one(tmp_path: Path) -> None:
    both = task("one", "a")
    both["annotations"][0]["result"].append(task("", "x", question="topic")["annotations"][0]["result"][0])
    path = write(tmp_path / "a.jsonl", jsonl([both]))
    assert f"{path}:1: several questions are answered: 'sentiment', 'topic': set data.label_column" in message(
        files(path)
    )
    assert read(path, label_column="topic")[0] == [("one", "x")]


@pytest.mark.parametrize(
    "row", [choice("x"), task("x"), {"id": 0, "data": "x", "label": []}], ids=["accept", "task", "data"]
)
def test_what_is_still_to_be_labelled_is_an_unlabelled_text(tmp_path: Path, row: dict[str, Any]) -> None:
    labelled = (
        {"data": "one", "label": ["a"]} if "id" in row and "annotations" not in row else {"text": "one", "label": "a"}
    )
    found = read(write(tmp_path / "a.jsonl", jsonl([labelled, row])))
    assert found[0] == [("one", "a"), ("x", None)] and "1 without a label, unlabelled texts" in found[1]


@pytest.mark.parametrize(("value", "label"), [(1.0, "1"), (0.0, "0"), (float("nan"), None)])
def test_whole_numbers_with_gaps_are_labels(tmp_path: Path, value: float, label: str | None) -> None:
    rows = [{"text": "one", "label": "a"}, {"text": "two", "label": value}]
    assert read(write(tmp_path / "a.jsonl", jsonl(rows)))[0] == [("one", "a"), ("two", label)]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no score": ({"text": "x", "cats": {"a": 0.0, "b": 0}}, "no category has a score above 0 ('a', 'b': 0)"),
    "a tie": ({"text": "x", "cats": {"a": 0.5, "b": 0.5}}, "no single highest category ('a', 'b': 0.5)"),
    "no category": ({"text": "x", "cats": {}}, "no category"),
    "no number": ({"text": "x", "cats": {"a": "1"}}, "the score of category 'a' is no number, but '1'"),
    "an endless score": ({"text": "x", "cats": {"a": float("nan")}}, "the score of category 'a' is no number, but nan"),
    "a huge score": ({"text": "x", "cats": {"a": 10**400}}, "the score of category 'a' is no number"),
    "two accepted": (choice("x", "a", "b"), "2 labels ('a', 'b'): give each text one"),
    "rejected, unsaid": (choice("x", answer="reject"), "rejected without a label"),
    "two choices": (task("x", ["a", "b"]), "2 labels ('a', 'b')"),
    "two minds": (task("x", "a", "b"), "its annotators disagree: 'a', 'b'"),
    "several in a table": (flat("x", '{"choices": ["a", "b"]}'), "2 labels ('a', 'b')"),
    "several with a hash": ({"data": "x", "label": "a#b"}, "2 labels ('a', 'b')"),
    "no text": ({**task("x", "a"), "data": {"n": 1}}, "no column 'text', there is 'n'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_one_label_is_refused_with_its_place(tmp_path: Path, case: str) -> None:
    row, expected = BAD[case]
    path = write(tmp_path / "a.jsonl", jsonl([{"text": "ok", "label": "a"}, row]))
    assert f"{path}:2: {expected}" in message(files(path))
