"""A run's code version: a commit, and what has changed since."""

import subprocess
from pathlib import Path

import pytest

from lmao import __version__
from lmao.run import result


def test_a_changed_checkout_is_identified_by_its_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "lmao" / "result.py"
    module.parent.mkdir()
    module.write_text("one")
    monkeypatch.setattr(result, "ROOT", tmp_path)
    assert result.code_version() == f"lmao {__version__}"
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    commit = result.code_version()
    assert len(commit) == 40
    found = set()
    for content in ("two", "three"):
        module.write_text(content)
        changed = result.code_version()
        assert changed.startswith(f"{commit}-dirty-") and changed == result.code_version()
        found.add(changed)
    assert len(found) == 2
