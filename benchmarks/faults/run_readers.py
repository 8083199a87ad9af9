"""Readers of what lmao itself has written: caches, runs' folders, models."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import rich.console
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import lmao
from benchmarks.faults.inputs import Case, damaged
from benchmarks.faults.reader import Read
from lmao.cache import Cache, Writer
from lmao.config.composing import composed
from lmao.config.run import Config
from lmao.console import Console
from lmao.errors import UserError
from lmao.pretrain.language_model import LanguageModel
from lmao.run.experiment import run
from lmao.run.start import start_folder
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial
from tests.support.recipes import WORDS


@contextmanager
def caches(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
    said: list[str] = []
    cache, values = Cache(folder / "cache", said.append), np.arange(7.0)

    def make(writer: Writer) -> None:
        writer.array("values", values)
        (writer.path / "words.json").write_text('["a", "b"]')
        writer.meta["n"] = 7

    entry = cache.put("kind", "name", make)
    whole = {path.name: path.read_bytes() for path in entry.path.iterdir()}

    def read(case: Case) -> None:
        for name, content in whole.items():
            (entry.path / name).write_bytes(content)
        (entry.path / case.name).write_bytes(case.content)
        said.clear()
        found = cache.get("kind", "name")
        if found is None:
            assert len(said) == 1 and "\n" not in said[0] and "is damaged" in said[0]
            raise UserError(said[0])
        assert found.array("values").tolist() == values.tolist() and found.json("words") == ["a", "b"]
        assert found.meta == {"n": 7}

    yield st.one_of([damaged(content).map(partial(Case, name)) for name, content in whole.items()]), read


@contextmanager
def runs(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
    """A file of a run that has changed is refused by whoever reads it."""
    made = folder / "run"
    settings = _finished(made)
    start = settings.model_copy(update={"pretrain": settings.pretrain.model_copy(update={"from_": str(made)})})
    readers: dict[str, Callable[[], object]] = {
        "classifier": lambda: lmao.load(made),
        "model": lambda: lmao.load(made / "model"),
        "language_model": lambda: LanguageModel(made),
        "tok2vec.bin": lambda: start_folder(start),
        "config.cfg": lambda: start_folder(start),
        "result.json": lambda: start_folder(start),
        "manifest.json": lambda: start_folder(start),
    }
    whole = {path: path.read_bytes() for name in readers for path in _files(made / name)}

    def read(case: Case) -> None:
        path = made / case.name
        path.write_bytes(case.content)
        try:
            readers[case.name.partition("/")[0]]()
            assert case.content == whole[path] or path.name == "manifest.json", f"{case.name} was believed"
        finally:
            path.write_bytes(whole[path])

    yield _damages(made, whole), read


@contextmanager
def models(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
    """A pipeline that was copied out of its run has no digests: spaCy's parsers read what is damaged."""
    made = folder / "run"
    _finished(made)
    model = Path(shutil.copytree(made / "model", folder / "model"))
    whole = {path: path.read_bytes() for path in _files(model)}

    def read(case: Case) -> None:
        path = model / case.name
        path.write_bytes(case.content)
        try:
            found = lmao.load(model).predict_proba(["Return the array.", ""])
            assert found.shape[0] == 2
        finally:
            path.write_bytes(whole[path])

    yield _damages(model, whole), read


def _files(path: Path) -> list[Path]:
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def _damages(folder: Path, whole: dict[Path, bytes]) -> SearchStrategy[Case]:
    def of(path: Path) -> SearchStrategy[Case]:
        return damaged(whole[path]).map(partial(Case, path.relative_to(folder).as_posix()))

    return st.one_of([of(path) for path in whole])


def _finished(folder: Path) -> Config:
    """A run of debug=tiny that predicts words."""
    settings = composed(["debug=tiny", "threads=1", "textcat.epochs=1", "objective=cosine", *WORDS])
    folder.mkdir()
    with StopSignal() as stop:
        run(settings, folder, Console(rich.console.Console(quiet=True)), stop, NoTrial(), NullStore())
    return settings
