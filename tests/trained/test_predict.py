"""The command: a row for each text, in their order, whole or not at all; a mistake is one line."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lmao
from lmao import predict
from tests.support.finished import Finished, dev_texts


@pytest.fixture(scope="module")
def run(finished: Callable[..., Finished]) -> Finished:
    return finished("textcat=linear")


@pytest.fixture
def texts(run: Finished, tmp_path: Path) -> list[str]:
    """Some, also in `texts.jsonl` and `texts.csv`."""
    texts = [*dev_texts(run)[:5], 'with "quotes", a comma\nand a second line']
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text, "id": 7}) + "\n" for text in texts))
    with (tmp_path / "texts.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "review"], *((number, text) for number, text in enumerate(texts))])
    return texts


def stdin(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedReader(io.BytesIO(content)))


def command(run: Finished, *arguments: str | Path) -> int:
    return predict.main(["--model", str(run.folder), *map(str, arguments)])


def assert_predicted(run: Finished, rows: list[list[str]], texts: list[str]) -> None:
    """rows: number, text, label and scores."""
    assert [row[0] for row in rows] == [str(number) for number in range(1, len(texts) + 1)]
    assert [row[1] for row in rows] == texts
    loaded = lmao.load(run.folder)
    assert [row[2] for row in rows] == loaded.predict(texts).tolist()
    scores = [[float(score) for score in row[3:]] for row in rows]
    np.testing.assert_allclose(scores, loaded.predict_proba(texts), atol=1e-6)


def test_a_table_becomes_a_table(run: Finished, texts: list[str], tmp_path: Path) -> None:
    assert command(run, tmp_path / "texts.csv", "--text-column", "review", "--output", tmp_path / "out.csv") == 0
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["row", "text", "label", *(f"score {label}" for label in run.result.labels)]
    assert_predicted(run, rows, texts)


def test_an_empty_text_keeps_its_row(run: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "texts.csv").write_text('text,id\na,1\n"",2\nc,3\n,\n')
    (tmp_path / "texts.txt").write_text("__label__pos a\n\n__label__neg c\n\n")
    for name in ("texts.csv", "texts.txt"):
        assert command(run, tmp_path / name) == 0
        assert_predicted(run, list(csv.reader(io.StringIO(capsys.readouterr().out)))[1:], ["a", "", "c", ""])


def test_a_cr_in_a_text_breaks_no_row(run: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["one\rtwo", "one\r\ntwo", "plain"]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    assert command(run, tmp_path / "texts.jsonl") == 0
    shown = capsys.readouterr().out
    assert_predicted(run, list(csv.reader(io.StringIO(shown, newline="")))[1:], texts)
    assert not shown.endswith("\r\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [("texts.txt", "a\n\nc\n"), ("texts.csv", 'text\na\n""\nc\n'), ("excel.csv", 'text\na\n\n"b, c"\n')],
)
def test_rows_are_counted_as_in_a_file_of_texts_alone(
    run: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str
) -> None:
    (tmp_path / name).write_text(content)
    assert command(run, tmp_path / name) == 0
    expected = ["a", "b, c"] if name == "excel.csv" else ["a", "", "c"]  # a line without a field is no row
    assert_predicted(run, list(csv.reader(io.StringIO(capsys.readouterr().out)))[1:], expected)


def test_the_file_that_is_read_is_not_written_over(
    run: Finished, texts: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, before = tmp_path / "texts.csv", (tmp_path / "texts.csv").read_bytes()
    assert command(run, path, "--text-column", "review", "--output", tmp_path / "." / "texts.csv") == 2
    assert capsys.readouterr().err == f"error: --output: {path} is the file that is read: name another file\n"
    assert path.read_bytes() == before


def test_a_table_of_one_column_has_commas_in_it(
    run: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As Excel saves it where the delimiter is a semicolon."""
    (tmp_path / "texts.csv").write_text('text\nGood day, the bill\n"A ""quote"", and; this"\n')
    assert command(run, tmp_path / "texts.csv") == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))[1:]
    assert [row[1] for row in rows] == ["Good day, the bill", 'A "quote", and; this']


def test_json_lines_have_an_object_a_text(run: Finished, texts: list[str], tmp_path: Path) -> None:
    assert command(run, tmp_path / "texts.jsonl", "--output", tmp_path / "out.jsonl") == 0
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert list(found[0]) == ["row", "text", "label", "scores"]
    labels = list(run.result.labels)
    rows = [[str(one["row"]), one["text"], one["label"], *(one["scores"][name] for name in labels)] for one in found]
    assert_predicted(run, rows, texts)


def test_lines_of_stdin_keep_their_numbers(
    run: Finished, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["Return the matrix.", "", "Größe 日本"]
    monkeypatch.setattr("sys.stdin", stdin("\n".join(lines).encode()))
    assert command(run) == 0
    shown = capsys.readouterr()
    assert_predicted(run, list(csv.reader(io.StringIO(shown.out)))[1:], lines)
    assert "predict" in shown.err and "3 texts" in shown.err


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("\ufeffa \r\n b\r\n".encode(), ["a", "b"]),
        ("a\nb\n".encode("utf-16"), ["a", "b"]),
        (b"\n__label__pos a b\n__label__neg c\n", ["", "a b", "c"]),
    ],
)
def test_stdin_is_read_as_a_file_is(
    run: Finished, content: bytes, texts: list[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("sys.stdin", stdin(content))
    assert command(run) == 0
    shown = capsys.readouterr().out
    assert_predicted(run, list(csv.reader(io.StringIO(shown)))[1:], texts)
    (tmp_path / "texts.txt").write_bytes(content)
    assert command(run, tmp_path / "texts.txt") == 0
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize(
    ("content", "arguments", "what"),
    [
        (b'{"text": "a"}\n{"text": 3}\n', [], "texts.jsonl:2: 'text' is not a text"),
        (
            b'{"text": "a"}\n{"other": 3}\n',
            [],
            "texts.jsonl:2: no column 'text', there is 'other': give --text-column\n",
        ),
        (b"", [], "texts.jsonl: no text in it"),
        (b'{"text": "a"}\n', ["--output", "."], "--output: . ends neither"),
        (b'{"text": "a"}\n', ["--output", "folder.csv"], "--output: folder.csv is a folder: name a file in it"),
        (b'{"text": "a"}\n', ["--output", "out.txt"], "--output: out.txt ends neither in .csv nor in .jsonl"),
        (b'{"text": "a"}\n', ["--output", "nowhere/out.csv"], "--output: nowhere/out.csv can't be written: "),
        (b'{"text": "a"}\n', ["--model", "nowhere"], "there is no folder nowhere: name the folder of"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(
    run: Finished, content: bytes, arguments: list[str], what: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("texts.jsonl").write_bytes(content)
    Path("folder.csv").mkdir()
    Path("out.csv").write_text("an earlier one")
    assert command(run, "texts.jsonl", "--output", "out.csv", *arguments) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(error) == 1 and f"{error[0]}\n".startswith(f"error: {what}")
    assert {path.name for path in tmp_path.iterdir()} == {"texts.jsonl", "out.csv", "folder.csv"}
    assert Path("out.csv").read_text() == "an earlier one"


def test_a_text_that_is_not_there_and_bytes_that_are_none(
    run: Finished, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(run, "nowhere.csv") == 2
    assert capsys.readouterr().out == ""  # no head of a table without rows
    monkeypatch.setattr("sys.stdin", stdin(b"PK\x03\x04..."))
    assert command(run) == 2
    line = "error: stdin: no text but a packed file: give the file's name, or unpack it"
    assert capsys.readouterr().err.splitlines()[-1] == line
    monkeypatch.setattr("sys.stdin", None)
    assert command(run) == 2 and "no text in what was given" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", stdin(b"good\nb\xff\n"))
    assert command(run) == 2
    assert (
        capsys.readouterr().err.splitlines()[-1].startswith("error: stdin:2: not UTF-8 (byte 1 of the line): save it")
    )
