"""Docstrings of installed packages: distinct, balanced, reproducible."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from lmao.data.document import Part
from tests.support.sources import docstrings, documents, message, source, write


def test_docstrings_are_distinct_balanced_and_the_same_again() -> None:
    found = documents(docstrings(packages=["numpy", "scipy"]))
    assert found == documents(docstrings(packages=["numpy", "scipy"]))
    assert Counter(d.label for d in found) == {"numpy": 100, "scipy": 100}
    assert len({d.text for d in found}) == 200
    assert min(len(d.text.split()) for d in found) >= 8
    assert 20 <= sum(d.part is Part.TEST for d in found) <= 60


def test_docstrings_of_a_small_package_are_topped_up_from_the_others() -> None:
    found = Counter(d.label for d in documents(docstrings(packages=["numpy", "filelock"], documents=400)))
    assert found["filelock"] < 200 and found.total() == 400


def test_docstrings_packages_are_not_imported() -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from lmao.config.data import Docstrings; from lmao.data.source import open_source\n"
        "c = Docstrings(name='docstrings', language='en', draw='stratified', packages=['mlflow', 'matplotlib'],"
        " documents=20, train_examples=1, dev_examples=1, pretrain_documents=None)\n"
        "assert len(list(open_source(c, Path('.')).documents())) == 20\n"
        "assert not {'mlflow', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error::SyntaxWarning", "-c", code], check=True)


def test_docstrings_fingerprint_depends_on_documents_alone() -> None:
    before = source(docstrings()).fingerprint()
    assert source(docstrings(train_examples=3, dev_examples=4, pretrain_documents=5)).fingerprint() == before
    assert source(docstrings(documents=201)).fingerprint() != before
    assert source(docstrings(packages=["numpy", "filelock"])).fingerprint() != before


@pytest.mark.parametrize("package", ["no_such_package", "numpy.linalg", "six", "sys", ""])
def test_docstrings_missing_package_is_named(package: str) -> None:
    assert f"'{package}'" in message(docstrings(packages=["numpy", package]))


def test_docstrings_of_tests_and_those_in_two_packages_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = '"""One text that both of these two packages have."""'
    for package in ("lmao_left", "lmao_right"):
        root = tmp_path / package
        (root / "tests").mkdir(parents=True)
        own = f'"""A text with eight words or more in {package}"""'
        lines = [shared, "def f():", f"    {own}", "def g():", '    """Too short."""', "1 + 1"]
        again = ["def h():", f"    {shared}"] if package == "lmao_left" else []
        write(root / "__init__.py", "\n".join(lines + again))
        write(root / "broken.py", f'"""Eight words that do not parse, found in {package}."""\ndef (')
        write(root / "test_it.py", f'"""Eight words in a module that tests {package}."""')
        write(root / "tests" / "cases.py", f'"""Eight words in a folder that tests {package}."""')
    monkeypatch.syspath_prepend(str(tmp_path))
    found = documents(docstrings(packages=["lmao_left", "lmao_right"]))
    assert [(d.label, d.text.split()[-1]) for d in found] == [(name, name) for name in ("lmao_left", "lmao_right")]
