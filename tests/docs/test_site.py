"""`make docs` builds the site, without a network, and fails on what is broken."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lmao.paths import ROOT

COPIED = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/README.md",
    "mkdocs.yml",
    "docs",
    "results",
    "conf",
)
FETCHED = re.compile(r"<(?:script|img|link|iframe)[^>]* (?:src|href)=\"?(https?://[^\" >]+)")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = _build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_first_page_is_the_readme_with_links_into_the_site(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    assert 'href="guide/data.html"' in page and 'src="idea.svg"' in page


def test_the_pages_of_results_and_the_settings_are_in_it(site: Path) -> None:
    assert (site / "results" / "labels" / "index.html").exists()
    assert "pretrain.mask_rate" in (site / "reference" / "settings.html").read_text(encoding="utf-8")


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path in (*site.rglob("*.html"), *site.glob("*.css")):
        assert FETCHED.findall(path.read_text(encoding="utf-8")) == [], path


def test_the_code_that_builds_it_is_not_in_it(site: Path) -> None:
    assert list(site.rglob("*.py")) == []


@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("README.md", "[a page](docs/guide/nothing.md)"),
        ("docs/guide/data.md", "[a page](nothing.md)"),
        ("docs/guide/data.md", "[a part](sweeps.md#nothing)"),
        ("docs/guide/data.md", "[what is no page](../../conf/config.yaml)"),
        ("docs/guide/unlisted.md", "# A page that the menu lacks"),
    ],
)
def test_what_is_broken_fails(page: str, line: str, tmp_path: Path) -> None:
    for name in COPIED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    with (tmp_path / page).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    done = _build(tmp_path, tmp_path / "site")
    assert done.returncode == 1 and "WARNING" in done.stderr and "Traceback" not in done.stderr


def _build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)
