"""What no file of texts should hold is one line, and takes no memory."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from lmao.config.run import Config
from lmao.data.source import open_source
from lmao.errors import UserError


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz", "a.txt.gz", "wide.csv"])
def test_a_line_that_fills_the_memory_is_refused(
    name: str, compose: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("files", "data.lines"):
        monkeypatch.setattr(f"lmao.{module}.LONGEST_LINE", 1 << 12)
    (tmp_path / "texts.csv").write_text("text,label\na,b\nc,d\n")
    bomb = '{"text": "x", "label": "y"}\n' if "json" in name else "text,label\n"
    content = f"{bomb}{'x' * 100_000}"
    path = tmp_path / name
    path.write_bytes(gzip.compress(content.encode()) if name.endswith(".gz") else content.encode("utf-16"))
    settings = compose("data=files", f"data.path={tmp_path}/texts.csv", f"data.unlabelled_path={path}")
    with pytest.raises(UserError, match=rf"{name}:2: a line of more than .* MB: is it a file of text\?"):
        list(open_source(settings.data, tmp_path).documents())
