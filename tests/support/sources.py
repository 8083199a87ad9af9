"""Sources for the tests of lmao.data: configs that no file of conf/ has, and their documents."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lmao.config.data import DocBins, Docstrings, Files, Imdb
from lmao.data.document import Document, Source
from lmao.data.source import open_source
from lmao.errors import UserError

LABELS = ("neg", "pos")
ROWS = [{"text": f"text {i}", "label": LABELS[i % 2]} for i in range(8)]


NULL = ("train_examples", "dev_examples", "pretrain_documents")
TABLES = ("delimiter", "quotes", "header")
PATHS = ("dev_path", "test_path", "unlabelled_path")


def settings(name: str, nulls: tuple[str, ...], changes: dict[str, Any]) -> dict[str, Any]:
    values = {"name": name, "language": "en", "draw": "shuffled", **dict.fromkeys(nulls), **changes}
    return {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}


def imdb(path: Path | None, **changes: Any) -> Imdb:
    changes = {"path": path, "unsupervised": False, "include_test_text": True, **changes}
    return Imdb.model_validate(settings("imdb", NULL, changes))


def files(path: Path, **changes: Any) -> Files:
    changes = {"path": path, "text_column": "text", "label_column": "label", "include_test_text": False, **changes}
    return Files.model_validate(settings("files", NULL + PATHS + TABLES, changes))


def docbins(path: Path, **changes: Any) -> DocBins:
    changes = {"path": path, "include_test_text": False, **changes}
    return DocBins.model_validate(settings("docbin", NULL + PATHS, changes))


def docstrings(**changes: Any) -> Docstrings:
    changes = {"packages": ["numpy", "pooch"], "documents": 200, **changes}
    return Docstrings.model_validate(settings("docstrings", NULL, changes))


def source(config: Imdb | Files | DocBins | Docstrings) -> Source:
    return open_source(config, Path("unused"))


def documents(config: Imdb | Files | DocBins | Docstrings) -> list[Document]:
    return list(source(config).documents())


def message(config: Imdb | Files | DocBins | Docstrings) -> str:
    with pytest.raises(UserError) as caught:
        documents(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def write(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def jsonl(rows: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
