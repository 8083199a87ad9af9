"""Tables as programs write them: read as they were meant, or refused with the line and the setting that decides."""

import csv
import io
import json
import random
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from lmao.data.document import Document, Part
from lmao.data.parts import PartedSource
from lmao.data.tables import LONE_CR
from lmao.errors import UserError
from tests.support.sources import documents, files, message, source, write

TEXTS = ['He said "no", twice; then\ttwice again', '"Quoted" at the start', "Plain", "1,5 | 2,5; what?", "A\nb", "Z"]
ROWS = [(text, "pos" if i % 2 else "neg") for i, text in enumerate([*TEXTS, *(f"number {i}" for i in range(20))])]

QUOTINGS = [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]


def written(rows: Any, **dialect: Any) -> str:
    stream = io.StringIO()
    csv.writer(stream, **dialect).writerows(rows)
    return stream.getvalue()


def read(path: Path, **settings: Any) -> tuple[list[tuple[str, str | None]], str]:
    """Texts with labels, and what the line `data` says."""
    opened = source(files(path, **settings))
    assert isinstance(opened, PartedSource)
    found = [(document.text, document.label) for document in opened.documents()]
    return found, ", ".join(opened.notes)


@pytest.mark.parametrize(
    ("delimiter", "quoting", "header", "ending", "columns"),
    list(
        product(
            ",;\t|", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC], [True, False], ["csv", "tsv"], [2, 3]
        )
    ),
)
def test_what_a_program_writes_is_read_as_it_was(
    tmp_path: Path, delimiter: str, quoting: Any, header: bool, ending: str, columns: int
) -> None:
    rows: list[tuple[Any, ...]] = [("text", "label"), *ROWS] if header else list(ROWS)
    settings: dict[str, Any] = {}
    if columns == 3:
        rows = [(i if i or not header else "id", label, text) for i, (text, label) in enumerate(rows)]
        settings = {} if header else {"text_column": 3, "label_column": 2}
    path = write(tmp_path / f"a.{ending}", written(rows, delimiter=delimiter, quoting=quoting))
    found, said = read(path, **settings)
    assert found == ROWS
    name = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}[delimiter]
    told = "header" if header else "no header" + ", text in column 1" * (columns == 2)
    assert said == f"{ending.upper()} ({name}, quotes, {told})"


def test_an_unquoted_table_keeps_its_quotes(tmp_path: Path) -> None:
    rows = ['He said "no"\tneg', '"Quoted" at the start\tpos', '"Never closed\tneg', '" whole "\tpos', "Plain\tneg"]
    found, said = read(write(tmp_path / "a.tsv", "\n".join(["text\tlabel", *rows])))
    assert found == [tuple(row.split("\t")) for row in rows]
    assert said == "TSV (tab, quotes are text, header)"


@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize(
    "others", [[], ['"one, two\tthree",neg'], ['"one ""two""",pos']], ids=["none", "both", "double"]
)
def test_two_stray_quotes_never_swallow_the_lines_between(tmp_path: Path, delimiter: str, others: list[str]) -> None:
    lines = [
        "text,label",
        "good,pos",
        '"Great film,pos',
        *(f"number {i},neg" for i in range(10)),
        'bad film",neg',
        "x,pos",
    ]
    content = "\n".join(line.replace(",", delimiter) for line in lines)
    content += "".join(f"\n{line[::-1].replace(',', delimiter, 1)[::-1]}" for line in others)
    path = write(tmp_path / "a.csv", content)
    line = message(files(path))
    assert line == (
        f"{path}:3: a quote opens a field that goes on over lines which are rows by themselves: "
        "set data.quotes=false, or true if it is one field"
    )
    if not others:
        assert len(documents(files(path, quotes=False))) == 14
        assert len(documents(files(path, quotes=True))) == 3


def test_a_text_over_several_lines_may_name_a_label_in_some(tmp_path: Path) -> None:
    rows = [("groups: audio,sale\nfrom, me\nsubject too", "sale"), ("x", "sale"), ("y, z", "audio")]
    assert read(write(tmp_path / "a.csv", written([("text", "label"), *rows])))[0] == rows


def test_a_stray_quote_that_is_never_closed_is_text(tmp_path: Path) -> None:
    found, said = read(write(tmp_path / "a.csv", 'text,label\na,b\n"c,d\ne,f\n'))
    assert found == [("a", "b"), ('"c', "d"), ("e", "f")]
    assert said == "CSV (comma, quotes are text, header)"


def test_a_quoted_table_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", '"text","label"\n"a","b"\n"c","d"\n"e","f')
    assert message(files(path)) == (
        f"{path}:4: a table that can't be read: unexpected end of data: "
        "double the quotes inside of a field, or set data.quotes=false"
    )


def test_quotes_after_a_space_count(tmp_path: Path) -> None:
    found, _ = read(write(tmp_path / "a.csv", 'text, label\n"a, b", "pos"\n"c", "neg"\n'))
    assert found == [("a, b", "pos"), ("c", "neg")]


def test_decimal_commas_are_no_delimiters(tmp_path: Path) -> None:
    content = "text;label;score\ngut;pos;0,75\nschlecht;neg;0,5\n"
    assert read(write(tmp_path / "a.csv", content)) == (
        [("gut", "pos"), ("schlecht", "neg")],
        "CSV (semicolon, header)",
    )
    content = "0,75;gut;pos\n0,5;schlecht;neg\n1,5;mittel;pos\n"
    found, said = read(write(tmp_path / "b.csv", content), text_column="2", label_column="3")
    assert found == [("gut", "pos"), ("schlecht", "neg"), ("mittel", "pos")]
    assert said == "CSV (semicolon, no header)"


def test_blank_rows_and_unnamed_columns_are_left_out(tmp_path: Path) -> None:
    found, said = read(write(tmp_path / "a.csv", ",,,\r\ntext,label,,\r\na,b,,\r\n,,,\r\n\r\n   \r\nc,d,,\r\n"))
    assert found == [("a", "b"), ("c", "d")] and said.endswith("1 empty, left out")


def test_a_blank_row_says_nothing_of_the_tool(tmp_path: Path) -> None:
    rows = "text,label,answer\na,1,accept\n,,\nb,2,accept\n"
    assert read(write(tmp_path / "a.csv", rows))[1] == "Prodigy's CSV (comma, header), 1 empty, left out"


def test_a_cr_in_a_field_is_told_by_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,label\na,b\nc\rd,b\n")
    assert f"{path}:3: a table that can't be read: {LONE_CR}: quote the text" in message(files(path))
    assert read(write(tmp_path / "b.csv", 'text,label\na,b\n"c\rd",e\n'))[0] == [("a", "b"), ("c\rd", "e")]


def test_an_apostrophe_that_keeps_a_spreadsheet_from_computing_is_no_part_of_the_text(tmp_path: Path) -> None:
    """As in what `lmao.suggest` writes. A label is what it is."""
    found, _ = read(write(tmp_path / "a.csv", "text,label\n'=1+1,'-1\n'\t so he said,1\n'tis,1\n"))
    assert found == [("=1+1", "'-1"), ("so he said", "1"), ("'tis", "1")]
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "'-ing' is a suffix", "label": 1}))
    assert read(tmp_path / "a.jsonl")[0] == [("'-ing' is a suffix", "1")]


def test_settings_say_what_the_file_does_not(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "text\tlabel\na\tb\n")
    assert read(path, delimiter="tab")[0] == [("a", "b")]
    path = write(tmp_path / "b.csv", "this is fine,text\nthat, too,image\n".replace(", too", ""))
    assert read(path, header=False, text_column=1, label_column=2)[0] == [("this is fine", "text"), ("that", "image")]
    path = write(tmp_path / "c.csv", '"a",b\n"c",b\n')
    assert read(path, header=False, quotes=False, text_column=1, label_column=2)[0] == [('"a"', "b"), ('"c"', "b")]


BAD = {
    "too many fields": ("a.csv", "text,label\na, and more,b\n", ":2: 3 fields, but the header has 2: quote the text"),
    "too few fields": ("a.tsv", "text\tlabel\na\n", ":2: 1 field, but the header has 2: quote the text"),
    "without a header": ("a.csv", "a,x\nb,x\nc,x\nd,y,z\n", ":4: 3 fields, but the first line has 2"),
    "a name twice": (
        "a.csv",
        "text,label,label\na,b,c\n",
        ":1: the header has 'label' twice: rename one of the columns",
    ),
    "the header again": ("a.csv", "text,label\na,b\ntext,label\nc,d\n", ":3: the header again: remove the line"),
    "other names": (
        "a.csv",
        "review,sentiment\na,b\nc,b\n",
        ":2: no column 'text', there is 'review', 'sentiment': set data.text_column, one for all files",
    ),
    "pandas' numbers": ("a.csv", "0,1\na,1\nb,0\n", "a.csv: its first line may be a header or not: set data.header"),
    "the first row again": ("a.csv", "a,b\na,b\nc,b\n", "a.csv: its first line may be a header or not"),
    "three columns": (
        "a.csv",
        "1,title,text 1\n1,title 2,body 2\n",
        "a.csv: no header, and 3 columns: give the numbers of two, data.text_column=2 data.label_column=1",
    ),
    "numbers of columns": ("b.csv", "0,a,x\n1,b,y\n", "b.csv: its first line may be a header or not: set data.header"),
    "two like columns": ("a.csv", "a,x\nb,x\nc,y\nd,z\n", "a.csv: no header, and 2 columns: give the numbers"),
    "two delimiters": (
        "a.csv",
        "a;b,x\nc;d,x\ne;f,y\n",
        "a.csv: comma and semicolon both make columns of it: set data.delimiter=comma",
    ),
    "two delimiters, no comma": (
        "a.csv",
        "a;b\tx\nc;d\tx\ne;f\ty\n",
        "a.csv: semicolon and tab both make columns of it: set data.delimiter=semicolon",
    ),
    "carriage returns": ("a.csv", "text,label\ra,b\r", "a.csv: its lines end in CR alone: save it with LF or CR LF"),
    "Excel's own line": ("a.csv", "sep=;\ntext;label\na;b\n", "a.csv:1: a line for Excel alone, sep=;: remove it"),
}


@pytest.mark.parametrize("case", BAD)
def test_an_unclear_table_is_refused(tmp_path: Path, case: str) -> None:
    name, content, expected = BAD[case]
    columns = {"text_column": 2, "label_column": 3} if name == "b.csv" else {}
    assert expected in message(files(write(tmp_path / name, content), **columns))


def test_any_table_is_read_as_it_was_written_or_refused(tmp_path: Path) -> None:
    """Random texts of few characters, so that quotes and delimiters stand in every place that they can."""
    draw = random.Random(0)
    outcomes = Counter[str]()
    for _ in range(400):
        delimiter, quoted = draw.choice(",;\t|"), draw.random() < 0.6
        letters = draw.choice(['ab "', 'ab ",;\t|\n', 'aaaaaaaaaaaaaaaa"', "ab\n,", f'a"\n{delimiter}'])
        if not quoted:
            letters = letters.replace("\n", "").replace(delimiter, "")
        texts = ("".join(draw.choices(letters, k=draw.randint(1, 12))).strip() for _ in range(draw.choice([3, 8, 40])))
        rows = [(text, draw.choice(["pos", "neg"])) for text in texts if text]
        table = [("text", "label"), *rows] if draw.random() < 0.7 else rows
        table = table if draw.random() < 0.7 else [row[::-1] for row in table]
        content = (
            written(table, delimiter=delimiter) if quoted else "".join(f"{delimiter.join(row)}\n" for row in table)
        )
        path = write(tmp_path / draw.choice(["a.csv", "a.tsv"]), content)
        try:
            found, _ = read(path)
        except UserError as error:
            assert "\n" not in str(error)
            outcomes["refused"] += 1
            continue
        # Of a text that as a whole stands between quotes, nobody can say whether they belong to it.
        assert found == rows or (not quoted and [bare(row) for row in found] == [bare(row) for row in rows])
        outcomes["read"] += 1
    assert outcomes["read"] > 250


def bare(row: tuple[str, str | None]) -> tuple[str, str | None]:
    return row[0].replace('"', "").strip(), row[1]


def test_each_part_has_a_dialect_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", written([("text", "label"), *ROWS]))
    dev = write(tmp_path / "dev.tsv", "neg\tone\npos\ttwo\nneg\tthree\nneg\tfour\n")
    raw = write(tmp_path / "raw.csv", "text\nno label here\n")
    opened = source(files(path, dev_path=dev, unlabelled_path=raw))
    assert isinstance(opened, PartedSource)
    found = list(opened.documents())
    assert found[len(ROWS)] == Document("one", "neg", Part.DEV)
    assert found[-1] == Document("no label here", None, Part.UNLABELLED)
    assert opened.notes == [
        "CSV (comma, quotes, header)",
        "dev: TSV (tab, no header, text in column 2)",
        "unlabelled: CSV (comma, header)",
    ]
