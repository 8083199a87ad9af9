"""A user's own files: every kind, and the place of every mistake."""

import csv
import gzip
import io
import random
from pathlib import Path

import pytest

from lmao.data.document import Document, Part
from lmao.data.files import open_files
from lmao.data.parts import PartedSource
from lmao.errors import UserError
from tests.support.sources import ROWS, documents, files, jsonl, message, source, write


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".tsv", ".jsonl.gz", ".csv.gz", ".tsv.gz"])
def test_files_of_every_kind_hold_the_same(tmp_path: Path, ending: str) -> None:
    rows = [{"text": 'with "quotes", commas,\ttabs\tand\nlines \u2028 caf\u00e9', "label": "a"}, *ROWS, ROWS[0]]
    rows.append({"text": "another", "label": "a"})
    if "jsonl" in ending:
        content = jsonl(rows)
    else:
        stream = io.StringIO()
        table = csv.DictWriter(stream, ["text", "label"], delimiter="," if "csv" in ending else "\t")
        table.writeheader()
        table.writerows(rows)
        content = stream.getvalue()
    found = documents(files(write(tmp_path / f"texts{ending}", content)))
    assert found == [Document(row["text"], row["label"], Part.TRAIN) for row in rows]


def test_files_parts_come_from_their_own_files(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", "body,kind\na,1\nb,1\nc,2\nd,2\n")
    dev = write(tmp_path / "dev.jsonl", jsonl([{"body": "e", "kind": 1}]))
    test = write(tmp_path / "test.tsv", "kind\tbody\n2\tf\n")
    unlabelled = write(tmp_path / "more.txt.gz", "g\r\n\r\n  h  \n")
    columns = {"text_column": "body", "label_column": "kind"}
    found = documents(files(path, dev_path=dev, test_path=test, unlabelled_path=unlabelled, **columns))
    assert [d.text for d in found] == list("abcdefgh")
    assert found[4:] == [
        Document("e", "1", Part.DEV),
        Document("f", "2", Part.TEST),
        Document("g", None, Part.UNLABELLED),
        Document("h", None, Part.UNLABELLED),
    ]
    assert [d.place for d in found[3:6]] == [f"{path}:5", f"{dev}:1", f"{test}:2"]


def test_files_byte_order_mark_and_long_fields_are_accepted(tmp_path: Path) -> None:
    long = "word " * 100_000
    path = write(tmp_path / "a.csv", f"text,label\n{long},a\nshort,a\nx,b\ny,b\n".encode("utf-8-sig"))
    assert documents(files(path))[0].text == long.strip()


BAD: dict[str, tuple[str, str | bytes, str]] = {
    "undecodable": ("a.jsonl", b'{"text": "a", "label": "b"}\n{"text": "caf\xe9"}\n', ":2: not UTF-8"),
    "half UTF-16": (
        "a.csv",
        "text,label\na,b\n".encode("utf-16")[:-1],
        "a.csv: begins as UTF-16, but isn't after line 1",
    ),
    "UTF-16 without its mark": ("a.csv", "text,label\n".encode("utf-16-le"), "a.csv:1: has a NUL byte: is it UTF-16?"),
    "NUL": ("a.csv", b"text,label\na,b\n\0c,d\n", ":3: has a NUL"),
    "no gzip": ("a.csv", b"\x1f\x8b", "a.csv: a gzip file: end its name in .gz"),
    "archive": (
        "a.csv",
        b"PK\x03\x04 and more",
        "a.csv: a .zip archive or an Office file: unpack it, or save it as CSV",
    ),
    "archive by its name": ("a.zip", b"PK\x03\x04 and more", "a.zip: a .zip archive or an Office file: unpack it"),
    "Parquet": ("a.jsonl", b"PAR1 and more", "a.jsonl: a Parquet file: end its name in .parquet"),
    "broken JSON": ("a.jsonl", '{"text": "a", "label": "b"}\n{"text": \n', ":2: not JSON"),
    "deep JSON": ("a.jsonl", "[" * 100_000 + "\n", "a.jsonl: JSON that can't be read"),
    "endless number": ("a.jsonl", '{"text": ' + "1" * 10_000 + "}\n", ":1: JSON that can't be read"),
    "a key twice": (
        "a.jsonl",
        '{"text": "a", "label": "b", "label": "c"}\n',
        ":1: JSON that can't be read: 'label' is there twice",
    ),
    "no object": ("a.jsonl", '{"text": "a", "label": "b"}\n1\n', ":2: a JSON object is needed, this is a int"),
    "no object in an array": ("a.json", '[{"text": "a", "label": "b"}, []]', "a.json: item 2: a JSON object is needed"),
    "an array without an end": (
        "a.json",
        '[\n{"text": "a", "label": "b"},\n',
        "not JSON: Expecting value at line 3",
    ),
    "surrogate": ("a.jsonl", '{"text": "\\ud800", "label": "b"}\n', ":1: has half a character"),
    "text is no text": ("a.jsonl", '{"text": 1, "label": "b"}\n', ":1: 'text' is not a text"),
    "no text column": ("a.jsonl", '{"body": "a", "label": "b"}\n', ":1: no column 'text', there is 'body', 'label'"),
    "no label column": (
        "a.csv",
        "text,kind\na,b\n",
        "no column 'label', there is 'text', 'kind': set data.label_column, one for all files",
    ),
    "empty texts": ("a.csv", 'text,label\n" ",b\n,\n" ",c\n', "a.csv: no text in it"),
    "several labels": (
        "a.jsonl",
        '{"text": "a", "label": ["b", "c"]}\n',
        ":1: 2 labels ('b', 'c'): give each text one: that is what is learned",
    ),
    "label is a number": (
        "a.jsonl",
        '{"text": "a", "label": 0.5}\n',
        ":1: 'label' is 0.5: it must be a string or a whole n",
    ),
    "label is a span": (
        "a.jsonl",
        '{"text": "a", "label": [[0, 5, "PER"]]}\n',
        ":1: 'label' is [0, 5, 'PER']: it must be",
    ),
    "empty file": ("a.jsonl", "", "a.jsonl: no text in it"),
    "empty table": ("a.csv", "", "a.csv: no text in it"),
    "header only": ("a.csv", "text,label\n\n", "a.csv: no text in it"),
    "unknown ending": ("a.xlsx", "text", "a.xlsx: this kind of file can't be read"),
    "text without labels": ("a.txt", "text", "a.txt: a .txt file with labels begins with __label__"),
}


@pytest.mark.parametrize("case", BAD)
def test_files_errors_name_file_and_line(tmp_path: Path, case: str) -> None:
    name, content, expected = BAD[case]
    path = write(tmp_path / name, content)
    assert expected in message(files(path))
    assert str(path) in message(files(path))


PARTLY = {
    "a.csv": "text,label\na,b\nc,\nd,b\n",
    "a.jsonl": jsonl([{"text": "a", "label": "b"}, {"text": "c", "label": None}, {"text": "d", "label": ["b"]}]),
    "b.jsonl": jsonl([{"text": "a", "label": "b"}, {"text": "c", "label": []}, {"text": "d", "label": "b"}]),
}


@pytest.mark.parametrize("name", PARTLY)
def test_rows_without_a_label_are_unlabelled_texts_and_counted(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, PARTLY[name])
    opened = source(files(path))
    assert isinstance(opened, PartedSource)
    assert [(found.text, found.label, found.part) for found in opened.documents()] == [
        ("a", "b", Part.TRAIN), ("c", None, Part.UNLABELLED), ("d", "b", Part.TRAIN)
    ]  # fmt: skip
    assert opened.notes[1:] == ["1 without a label, unlabelled texts"]
    whole = write(tmp_path / "whole.csv", "text,label\nx,b\n")
    second = ":3:" if name.endswith("csv") else ":2:"
    assert f"{name}{second} no label, by which it would be measured" in message(files(whole, dev_path=path))


EMPTY = {
    "a.csv": 'text,label\na,b\n" ",b\nc,d\n,e\n',
    "a.jsonl": jsonl([{"text": "a", "label": "b"}, {"text": None, "label": "b"}])
    + jsonl([{"text": " ", "label": None}, {"text": "c", "label": "d"}]),
    "prodigy.jsonl": jsonl(
        [{"text": "a", "label": "b", "answer": "accept"}, {"text": "c", "label": "d", "answer": "accept"}]
    )
    + jsonl([{"text": "", "label": "b", "answer": answer} for answer in ("reject", "accept")]),
    "a.txt": "__label__b a\n__label__b\n__label__d c\n__label__b __label__d \n",
}


@pytest.mark.parametrize("name", EMPTY)
def test_files_empty_texts_are_left_out_and_counted(tmp_path: Path, name: str) -> None:
    found = open_files(files(write(tmp_path / name, EMPTY[name])))
    assert [(d.text, d.label) for d in found.documents()] == [("a", "b"), ("c", "d")]
    assert found.notes[-1] == "2 empty, left out"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl.gz", "a.json"])
def test_files_in_other_encodings_are_read_where_their_mark_says_so(tmp_path: Path, encoding: str, name: str) -> None:
    contents = {"a.csv": "text,label\ncaf\u00e9,a\n", "a.json": '[{"text": "caf\u00e9", "label": "a"}]'}
    content = contents.get(name, '{"text": "caf\u00e9", "label": "a"}\n')
    found = documents(files(write(tmp_path / name, content.encode(encoding))))
    assert [(d.text, d.label) for d in found] == [("caf\u00e9", "a")]


def test_files_damaged_gzip_is_named(tmp_path: Path) -> None:
    plain = tmp_path / "a.jsonl.gz"
    plain.write_text(jsonl(ROWS))
    assert message(files(plain)) == f"{plain}: not a gzip file: rename it if it isn't packed"
    whole = gzip.compress(jsonl(ROWS).encode())
    plain.write_bytes(whole[:-9])
    assert "a damaged or incomplete gzip file" in message(files(plain))


def test_files_label_unknown_to_training_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", jsonl(ROWS))
    dev = write(tmp_path / "dev.csv", "text,label\na,pos\nb,positive\n")
    assert f"{dev}:3: label 'positive' does not occur" in message(files(path, dev_path=dev))
    assert "does not occur" in message(files(path, test_path=dev))


def test_files_paths_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", jsonl(ROWS))
    for key in ("dev_path", "test_path", "unlabelled_path"):
        with pytest.raises(UserError, match=rf"data.{key}: .*missing.csv does not exist"):
            source(files(path, **{key: tmp_path / "missing.csv"}))
        with pytest.raises(UserError, match=rf"data.{key}: .*given twice"):
            source(files(path, **{key: path}))
    with pytest.raises(UserError, match="no folders with texts in it"):
        source(files(tmp_path))
    for key in ("path", "dev_path", "unlabelled_path"):
        with pytest.raises(UserError, match=f"data.{key}=: it is empty: name a file"):
            source(files(path).model_copy(update={key: ""}))
    with pytest.raises(UserError, match="xx can't be read: File name too long"):
        source(files(Path("x" * 300)))
    with pytest.raises(UserError, match="this-name can't be read: Could not determine home directory"):
        source(files(Path("~nobody-of-this-name")))
    with pytest.raises(UserError, match="neither a file nor a folder"):
        source(files(Path("/dev/null")))


def test_files_fingerprint_is_of_contents_and_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", jsonl(ROWS))
    before = source(files(path)).fingerprint()
    changes = {"train_examples": 2, "dev_examples": 2, "pretrain_documents": 3, "include_test_text": True}
    assert source(files(path, **changes)).fingerprint() == before
    assert source(files(path, label_column="kind")).fingerprint() != before
    other = write(tmp_path / "more.txt", "a text")
    assert source(files(path, unlabelled_path=other)).fingerprint() != before
    assert source(files(path, dev_path=other.rename(tmp_path / "a.csv"))).fingerprint() != before
    write(path, jsonl(ROWS[1:]))
    assert source(files(path)).fingerprint() != before


def test_files_damage_of_any_kind_is_one_line(tmp_path: Path) -> None:
    draw = random.Random(0)
    whole = {
        "a.csv": b'text,label\n"a, b",x\nc,y\n"d\ne",x\n',
        "a.tsv": b'a "x"\tpos\nb\tneg\nc\tpos\n',
        "a.jsonl": b'{"text": "a", "cats": {"x": 1}}\n{"text": "b", "label": ["y"], "answer": "accept"}\n',
        "a.json": b'[{"data": {"text": "a"}, "annotations": [{"result": [{"type": "choices", "value": {}}]}]}]',
        "a.txt": b"__label__x one\n__label__y two\n",
        "utf16.csv": "text,label\na,x\nb,y\n".encode("utf-16"),
    }
    refused = 0
    for _ in range(600):
        name = draw.choice(list(whole))
        content = bytearray(whole[name])
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(content))
            content[place : place + draw.randint(0, 2)] = draw.choice(
                [b"", b"\0", b'"', b"\n", b"\xff", b",", b"[", b"\t"]
            )
        path = write(tmp_path / name, bytes(content))
        try:
            assert all(document.text.strip() for document in documents(files(path)))
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert 100 < refused < 600
