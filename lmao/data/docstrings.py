"""The docstrings of installed packages, labelled with the package: sources are parsed, never imported."""

import ast
import hashlib
import importlib.util
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lmao.cache import key_of
from lmao.config.data import Docstrings
from lmao.data.document import Document, Part
from lmao.errors import UserError

FEWEST_WORDS = 8
TEST_SHARE = 5  # one docstring in five is test material, whatever the seed
DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
TEST_FOLDERS = {"tests", "test", "testing", "conftest.py"}


@dataclass(frozen=True)
class DocstringSource:
    """At most `limit` distinct docstrings, evenly from the packages as far as they have them."""

    roots: dict[str, Path]  # package -> its folder
    limit: int
    name: str = "docstrings"

    def fingerprint(self) -> str:
        """A digest of the source files' names and sizes: these change with its version, also if it is editable."""
        sources = {
            package: {str(path.relative_to(root)): path.stat().st_size for path in _sources(root)}
            for package, root in self.roots.items()
        }
        record = {"version": 1, "limit": self.limit, "sources": sources}
        return hashlib.sha256(key_of(record).encode()).hexdigest()

    def documents(self) -> Iterator[Document]:
        for text, package in self._choose().items():
            is_test = hashlib.sha256(text.encode()).digest()[0] % TEST_SHARE == 0
            yield Document(text, package, Part.TEST if is_test else Part.TRAIN)

    def _choose(self) -> dict[str, str]:
        """Text -> package. Always takes the next text of the package with the fewest; files are parsed as needed."""
        texts = {package: _docstrings(root) for package, root in sorted(self.roots.items())}
        counts = dict.fromkeys(texts, 0)
        chosen: dict[str, str] = {}
        shared: set[str] = set()
        while texts and len(chosen) < self.limit:
            package = min(texts, key=counts.__getitem__)
            text = next(texts[package], None)
            if text is None:
                del texts[package]
            elif text not in chosen and text not in shared:
                chosen[text] = package
                counts[package] += 1
            elif chosen.get(text, package) != package:  # two packages have it, so it says nothing about either
                counts[chosen.pop(text)] -= 1
                shared.add(text)
        return chosen


def open_docstrings(config: Docstrings) -> DocstringSource:
    """Find the packages.

    Raises:
        UserError: one is not installed or has no folder.
    """
    return DocstringSource({package: _find(package) for package in config.packages}, config.documents)


def _find(package: str) -> Path:
    try:
        # a dotted name would import its parent
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
    except ValueError:
        spec = None
    if spec is None:
        raise UserError(f"no package '{package}' is installed (give top-level import names)", setting="data.packages")
    if not spec.submodule_search_locations:
        raise UserError(f"'{package}' is a single module, packages are needed", setting="data.packages")
    return Path(next(iter(spec.submodule_search_locations)))


def _sources(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in TEST_FOLDERS]
        for name in files:
            if name.endswith(".py") and not name.startswith("test_") and name not in TEST_FOLDERS:
                yield Path(folder, name)


def _docstrings(root: Path) -> Iterator[str]:
    def order(path: Path) -> bytes:
        return hashlib.sha256(path.relative_to(root).as_posix().encode()).digest()

    for path in sorted(_sources(root), key=order):
        for node in ast.walk(_parse(path)):
            if isinstance(node, DEFINITIONS):
                # a literal may hold half a character ("\ud800"), which nothing later could encode
                text = (ast.get_docstring(node) or "").encode(errors="replace").decode().strip()
                if len(text.split()) >= FEWEST_WORDS:
                    yield text


def _parse(path: Path) -> ast.Module:
    """The syntax tree, empty where a file (a template, a later Python's syntax) does not parse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            return ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, OSError):
            return ast.Module(body=[], type_ignores=[])
