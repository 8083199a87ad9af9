"""The page on one's own data: each file that it shows is read, and the data line says what the page says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lmao.data.parts import PartedSource
from lmao.paths import ROOT
from tests.support.sources import files, source

PAGE = (ROOT / "docs" / "guide" / "data.md").read_text(encoding="utf-8")
FILE = re.compile(r'^```\w+ title="(?P<name>[^"]+)"\n(?P<content>.*?)^```$', re.MULTILINE | re.DOTALL)
SAYS = re.compile(r"^The \*data\* line says (?P<said>.*)\.$", re.MULTILINE)


def examples() -> list[tuple[dict[str, str], list[str]]]:
    """Files with what the page says of them."""
    found, shown = [], dict[str, str]()
    for part in re.split(r"(?m)(?=^The \*data\* line says )", PAGE):
        if said := SAYS.match(part):
            found.append((shown, re.findall("`([^`]+)`", said["said"])))
        shown = {match["name"]: match["content"] for match in FILE.finditer(part)}
    return found


@pytest.mark.parametrize(("shown", "said"), examples(), ids=lambda value: next(iter(value)))
def test_each_file_on_the_page_is_read_as_it_says(tmp_path: Path, shown: dict[str, str], said: list[str]) -> None:
    for name, content in shown.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    if "make_parquet.py" in shown:
        subprocess.run([sys.executable, "make_parquet.py"], cwd=tmp_path, check=True)
        (tmp_path / "make_parquet.py").unlink()
    (path,) = tmp_path.iterdir()
    opened = source(files(path))
    assert isinstance(opened, PartedSource)
    assert {document.label for document in opened.documents()} == {"good", "bad"}
    assert opened.notes == said
