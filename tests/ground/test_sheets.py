"""CSV files that a spreadsheet opens, and doesn't compute."""

import csv
from pathlib import Path

import pytest

from lmao.sheets import as_it_was, write_sheet


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_cells_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [["é 日本", 'he said "no", twice'], ["two\nlines", "a;b\tc"], ["", " = no formula"]]
    write_sheet(path, ["a", "b"], rows)
    assert read(path) == [["a", "b"], *rows]
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-cmd|' /C calc'!A0", "@SUM(A1)", "\t=1+1", "\r=1", "＝1+1"])  # noqa: RUF001
def test_nothing_is_a_formula(tmp_path: Path, cell: str) -> None:
    write_sheet(tmp_path / "a.csv", ["text", "place"], [[cell, cell]])
    assert read(tmp_path / "a.csv")[1] == [f"'{cell}"] * 2
    assert as_it_was(f"'{cell}") == cell and as_it_was("'tis") == "'tis"


@pytest.mark.parametrize("cell", ["'-- so it goes", "''=1", "'tis", "''", "plain"])
def test_a_cell_that_looks_guarded_comes_back_too(tmp_path: Path, cell: str) -> None:
    write_sheet(tmp_path / "a.csv", ["text"], [[cell]])
    assert as_it_was(read(tmp_path / "a.csv")[1][0]) == cell


def test_a_label_stays_the_label_that_it_is(tmp_path: Path) -> None:
    write_sheet(tmp_path / "a.csv", ["text", "label", "perhaps"], [["Fine.", "-1", "+1"]])
    assert read(tmp_path / "a.csv")[1] == ["Fine.", "-1", "+1"]
