"""Which code a run is of: the package's sources, and a commit for people."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lmao import __version__
from lmao.cache import code_digest
from lmao.run import code


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of the package without git: a tarball, a container, a wheel."""
    package = tmp_path / "lmao"
    (package / "run").mkdir(parents=True)
    (package / "run" / "code.py").write_text("one")
    monkeypatch.setattr(code, "ROOT", tmp_path)
    monkeypatch.setattr(code, "sources_digest", lambda: code_digest(package))
    return package


def test_code_is_what_the_modules_hold_with_or_without_git(package: Path, tmp_path: Path) -> None:
    first = code_digest(package)
    other = tmp_path / "elsewhere" / "lmao"
    shutil.copytree(package, other)
    (other / "__pycache__").mkdir()
    (other / "notes.txt").write_text("no code")
    assert code_digest(other) == first
    (other / "untracked.py").write_text("")
    changed = code_digest(other)
    (other / "untracked.py").rename(other / "renamed.py")
    assert len({first, changed, code_digest(other)}) == 3
    (package / "run" / "code.py").write_text("two")
    assert code_digest(package) != first
    assert code.commit() == f"lmao {__version__} {code_digest(package)[:8]}"


def test_this_process_is_of_the_sources_that_lie_here() -> None:
    assert code.sources_digest() == code_digest(Path(code.__file__).parents[1])


def test_a_changed_checkout_is_identified_by_its_changes(package: Path, tmp_path: Path) -> None:
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    commit = code.commit()
    assert len(commit) == 40
    (tmp_path / "notes.txt").write_text("no code")
    assert code.commit() == commit
    (package / "run" / "code.py").write_text("two")
    tracked = code.commit()
    (package / "run" / "code.py").write_text("one")
    (package / "own.py").write_text("untracked")
    assert len({commit, tracked, code.commit()}) == 3
    assert all(one.startswith(f"{commit}-dirty-") for one in (tracked, code.commit()))
