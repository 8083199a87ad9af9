"""The pages on extending can be followed to the letter: their files and changes, put into a copy of the checkout, make
what the page says, and no other file has to be touched."""

import re
from pathlib import Path

import pytest

from docs.console_blocks import commands, copy, differences, expected_code, put, run
from docs.settings_page import read_options, uncommented
from lmao.paths import ROOT

PAGES = ("objective", "data_source", "encoder", "tracker", "report_plot")
NUMBERS = {"Three": 3, "Five": 5}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_followed_to_the_letter(name: str, session_cache: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "extending" / f"{name}.md").read_text(encoding="utf-8")
    environment = {**copy(tmp_path), "LMAO_CACHE": str(session_cache)}
    files, ran = [], 0
    for one in commands(page):
        if isinstance(one, tuple):
            put(*one, tmp_path)
            files += [one[0]] if "/" in one[0] else []  # what lies beside train.py is what a user has there
            continue
        code, lines = run(one.line, tmp_path, environment)
        assert code == expected_code(one), "\n".join([one.line, *lines])
        assert differences(one.output, [line.replace(f"{tmp_path}/", "") for line in lines]) == [], one.line
        ran += 1
    [stated] = re.findall(r"^(\w+) files:", page, flags=re.MULTILINE)
    assert len(files) == len(set(files)) == NUMBERS[stated]
    assert ran > 1
    assert uncommented(read_options(tmp_path / "conf")) == []


def test_each_page_is_followed() -> None:
    assert {path.stem for path in (ROOT / "docs" / "extending").glob("*.md")} == {"index", *PAGES}


def test_changes_that_do_not_fit_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    change = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-{}\n+two\n"
    put("a.txt", change.format("one"), tmp_path)
    assert (tmp_path / "a.txt").read_text() == "two\n"
    with pytest.raises(RuntimeError, match=r"a\.txt: error: patch failed"):
        put("a.txt", change.format("one"), tmp_path)
