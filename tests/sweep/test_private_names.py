"""docs/architecture/private_names.md has every private name of another library, and tests that exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from lmao.paths import PACKAGE, ROOT

PAGE = (ROOT / "docs" / "architecture" / "private_names.md").read_text(encoding="utf-8")
PUBLIC = {"_replace"}  # a named tuple's


def _private(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match("_[a-z]", node.attr):
            if not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")):
                yield node.attr
        elif isinstance(node, ast.ImportFrom) and not (node.module or "").startswith("lmao"):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (name for name in names if re.match("_[a-z]", name))


def test_the_page_has_every_private_name() -> None:
    files = [path for room in ("sweep", "tracking") for path in (PACKAGE / room).glob("*.py")]
    found = {name for path in files for name in _private(path)}
    assert {"_impl", "_suggest", "_get_stale_trial_ids"} <= found
    assert {name for name in found - PUBLIC if name not in PAGE} == set()


def test_the_tests_beside_them_exist() -> None:
    named = re.findall(r"`(tests/\S+\.py)::(\w+)`", PAGE)
    assert len(named) == PAGE.count("| `tests/")
    for path, name in named:
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), name
