"""The texts of the repository keep to what they promise: lengths, names, and commands that exist."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lmao.paths import ROOT

SUFFIXES = {".md", ".py", ".yaml", ".yml", ".toml", ""}
GENERATED = {".git", ".venv", "site", "outputs", "multirun", "mlruns", "report", "build"}
OLD_FORM = re.compile(r"pip install [^\n]{0,20}\blmao" + r"\[")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s:#]+)(?:#[^)\s]*)?\)")


def _texts(*suffixes: str) -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        inside = path.relative_to(ROOT)
        if path.is_file() and path.suffix in suffixes and not GENERATED & set(inside.parts):
            yield path


def test_readme_is_a_screen_and_a_half() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_no_text_installs_the_strangers_package() -> None:
    """`lmao` on the package index is somebody else's: extras come from the checkout."""
    found = [path for path in _texts(*SUFFIXES) if OLD_FORM.search(path.read_text(encoding="utf-8", errors="ignore"))]
    assert [path.relative_to(ROOT).as_posix() for path in found] == []


def test_links_between_pages_lead_somewhere() -> None:
    for page in _texts(".md"):
        for target in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
            path = page.parent / target
            made = path.resolve() == ROOT / "docs" / "reference" / "settings.md"  # by the build
            assert path.exists() or made, f"{page.relative_to(ROOT)}: {target}"


def test_the_page_of_commands_has_every_target_and_no_other() -> None:
    targets = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    page = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `make (\w+)`", page, flags=re.MULTILINE)) == set(targets) - {"help"}


@pytest.mark.parametrize("page", [*_texts(".md")], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_modules_that_a_page_runs_exist(page: Path) -> None:
    for module in re.findall(r"python -m ((?:lmao|benchmarks)[\w.]*\w)", page.read_text(encoding="utf-8")):
        found = importlib.util.find_spec(module)
        assert found is not None, module
        if found.submodule_search_locations is not None:
            assert importlib.util.find_spec(f"{module}.__main__") is not None, module


def test_pre_commit_runs_what_make_check_runs() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    check = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert check is not None
    for command in re.findall(r"\$\(BIN\)/([^\n]+)", check[1]):
        assert f".venv/bin/{command.strip()}" in hooks, command
