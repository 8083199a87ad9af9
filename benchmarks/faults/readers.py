"""The readers that are fuzzed: of texts, vectors, archives, caches, runs' folders, settings and command lines."""

import gzip
import io
import json
import os
import runpy
import shutil
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rich.console
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import lmao
from benchmarks.faults.inputs import YAML, Case, command_lines, damaged, objects, packed, tables, vectors
from benchmarks.faults.judging import wrong_line
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
from tests.support.processes import TRAIN
from tests.support.recipes import WORDS
from tests.support.sources import docbins, documents, files, imdb
from tests.support.tables import Loader

Read = Callable[[Case], object]
Opened = AbstractContextManager[tuple[SearchStrategy[Case], Read]]


@dataclass(frozen=True)
class Reader:
    """what: as a page says it; n: how many inputs by hand, None for as many as usual."""

    what: str
    opened: Callable[[Path], Opened]  # cases, and what reads one; the folder is its own
    n: int | None = None


@contextmanager
def _texts(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
    whole = {
        "a.csv": b'text,label\n"a, b",x\nc,y\n"d\ne",x\n',
        "a.tsv": b'a "x"\tpos\nb\tneg\nc\tpos\n',
        "utf16.csv": "text,label\na,x\nb,y\n".encode("utf-16"),
        "prodigy.jsonl": b'{"text": "a", "label": "x", "_task_hash": 1, "answer": "accept"}\n'
        b'{"text": "b", "accept": ["y"], "options": [], "answer": "reject"}\n',
        "cats.jsonl": b'{"text": "a", "cats": {"x": 1}}\n{"text": "b", "label": ["y"]}\n',
        "tasks.json": b'[{"data": {"text": "a"}, "annotations": [{"result": [{"type": "choices", "from_name": "q", '
        b'"value": {"choices": ["x"]}}]}]}, {"data": {"text": "b"}, "annotations": []}]',
        "flat.json": b'[{"annotation_id": 1, "lead_time": 2.5, "text": "a", "q": {"choices": ["x"]}, "id": 1}]',
        "doccano.jsonl": b'{"id": 1, "data": "a", "label": ["x"]}\n{"id": 2, "text": "b", "labels": ["y"]}\n',
        "fasttext.txt": b"__label__x one\n__label__y two\n",
    }
    cases = [damaged(content).map(partial(Case, name)) for name, content in whole.items()]
    zipped = [packed(content, gzip.compress).map(partial(Case, f"{name}.gz")) for name, content in whole.items()]
    folders = st.builds(lambda content, name: Case(f"folder/{name}", content), damaged(b"one\n"), st.sampled_from(
        ["x/1.txt", "x/1", "x/2.csv", "1.txt", ".x/1.txt", "x/y/z.txt"]
    ))  # fmt: skip
    unlabelled = st.builds(lambda content, name: Case(f"raw/{name}", content), damaged(b"one\ntwo\n"), st.sampled_from(
        ["a.txt", "a.csv", "a.jsonl", "a.xlsx", "a"]
    ))  # fmt: skip

    def read(case: Case) -> None:
        path = _written(folder, case)
        try:
            if case.name.startswith("raw/"):
                labelled = folder / "labelled.csv"
                labelled.write_text("text,label\na,x\nb,y\n")
                found = documents(files(labelled, unlabelled_path=path))
            else:
                found = documents(files(folder / case.name.partition("/")[0], **case.told))
            for document in found:
                assert document.text.strip() and document.text.encode()
        finally:
            shutil.rmtree(folder / "folder", ignore_errors=True)

    yield st.one_of(tables(), objects(), folders, unlabelled, *cases, *zipped), read


@contextmanager
def _binary_texts(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
    import pyarrow
    import spacy
    from pyarrow import parquet
    from spacy.tokens import DocBin

    metadata = {"huggingface": json.dumps(
        {"info": {"features": {"label": {"names": ["x", "y"], "_type": "ClassLabel"}}}}
    )}  # fmt: skip
    table = pyarrow.table({"text": ["a", "b", "c"], "label": [0, 1, -1]}).replace_schema_metadata(metadata)
    stream = io.BytesIO()
    parquet.write_table(table, stream)
    arrow = io.BytesIO()
    with pyarrow.ipc.new_stream(arrow, table.schema) as sink:
        sink.write_table(table)
    dataset = {
        "data.arrow": arrow.getvalue(),
        "state.json": b'{"_data_files": [{"filename": "data.arrow"}]}',
        "dataset_info.json": b"{}",
    }
    nlp, stored = spacy.blank("en"), DocBin()
    for text, label in (("One text.", "x"), ("Another one.", "y")):
        doc = nlp(text)
        doc.cats = {label: 1.0}
        stored.add(doc)
    inside = zlib.decompress(stored.to_bytes())
    cases = [
        damaged(stream.getvalue()).map(partial(Case, "a.parquet")),
        packed(inside, zlib.compress).map(partial(Case, "a.spacy")),
        *(damaged(content).map(partial(Case, f"set/{name}")) for name, content in dataset.items()),
    ]

    def read(case: Case) -> None:
        if case.name.startswith("set/"):
            for name, content in dataset.items():
                _written(folder, Case(f"set/{name}", content))
        path = _written(folder, case)
        if case.name == "a.spacy":
            documents(docbins(path))
        else:
            documents(files(folder / case.name.partition("/")[0]))

    yield st.one_of(cases), read


@contextmanager
def _archives(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for part in ("train/pos", "train/neg", "test/pos", "test/neg"):
            member = tarfile.TarInfo(f"aclImdb/{part}/0_1.txt")
            member.size = 4
            archive.addfile(member, io.BytesIO(b"text"))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as packed_table:
        packed_table.writestr("a.3d.txt", "the 1 2 3\nof 4 5 6\n")

    def read(case: Case) -> None:
        path = _written(folder, case)
        if case.name == "a.zip":
            _load(folder, {"name": "glove", "path": str(path), "dims": 3, "normalize": False})
        else:
            documents(imdb(path))

    cases = [
        packed(stream.getvalue(), gzip.compress).map(partial(Case, "a.tar.gz")),
        damaged(zipped.getvalue()).map(partial(Case, "a.zip")),
    ]
    yield st.one_of(cases), read


def _load(folder: Path, settings: dict[str, Any]) -> None:
    vectors = Loader(folder)(settings)
    rows, table = vectors.look_up(["the", "of"])
    assert np.isfinite(table).all() and rows.max() < len(table)
    shutil.rmtree(folder / "cache")


@contextmanager
def _tables(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
    from spacy.strings import StringStore
    from spacy.vectors import Vectors

    from tests.vectors.test_files import binary, fasttext_model, lines

    rows = np.ones((103, 3), np.float32)
    whole = {
        "glove.txt": lines().encode(),
        "a.vec": b"4 3\n" + lines().encode(),
        "a.bin": binary(),
        "model.bin": fasttext_model(rows, ["a", "b", "the"]),
    }
    strings = StringStore(["the", "of"])
    stored = Vectors(strings=strings, data=rows[:2], keys=["the", "of"])
    vocab = folder / "pipeline" / "vocab"
    vocab.mkdir(parents=True)
    stored.to_disk(vocab)
    strings.to_disk(vocab / "strings.json")
    pipeline = {path.name: path.read_bytes() for path in vocab.iterdir()}

    def read(case: Case) -> None:
        shutil.rmtree(folder / "cache", ignore_errors=True)
        settings: dict[str, Any] = {"name": "word2vec", "path": str(folder / case.name), "normalize": False}
        if case.name.startswith("pipeline/"):
            for name, content in pipeline.items():
                _written(folder, Case(f"pipeline/vocab/{name}", content))
            settings |= {"name": "spacy", "path": str(folder / "pipeline")}
        elif case.name == "glove.txt" or case.told.get("format") == "glove":
            settings |= {"name": "glove", "dims": case.told.get("dims", 3)}
        _written(folder, case)
        _load(folder, settings)

    cases = [damaged(content).map(partial(Case, name)) for name, content in whole.items()]
    inside = [damaged(content).map(partial(Case, f"pipeline/vocab/{name}")) for name, content in pipeline.items()]
    zipped = packed(whole["a.vec"], gzip.compress).map(partial(Case, "a.vec.gz"))
    yield st.one_of(vectors(), zipped, *cases, *inside), read


@contextmanager
def _caches(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
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


def _written(folder: Path, case: Case) -> Path:
    path = folder / case.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(case.content)
    return path


@contextmanager
def _commands(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
    with _train(folder) as read:
        yield command_lines(), read


@contextmanager
def _own_settings(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
    own = folder / "own" / "experiment"
    own.mkdir(parents=True)
    with _train(folder) as train:

        def read(case: Case) -> None:
            (own / "own.yaml").write_bytes(case.content)
            train(Case("", b"", {"arguments": [f"--config-dir={folder / 'own'}", "+experiment=own"]}))

        yield damaged(YAML).map(partial(Case, "own.yaml")), read


@contextmanager
def _train(folder: Path) -> Iterator[Read]:
    """`python train.py` up to the run itself, in this process: what it prints and its exit code are looked at."""
    from lmao.errors import AlreadyRun
    from lmao.run import experiment, unlabelled
    from lmao.sweep.trial import current_trial

    def known(*arguments: Any) -> None:
        current_trial().begin(Path.cwd(), None, "")
        raise AlreadyRun(0.5, "another/0")

    experiment.run = known  # type: ignore[assignment]
    unlabelled.encoder_alone = lambda *arguments: None  # type: ignore[assignment]
    os.environ["LMAO_CACHE"] = str(folder / "cache")
    place = folder / "place"

    def read(case: Case) -> None:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        os.chdir(place)
        sys.argv = [TRAIN, "debug=tiny", "hydra.sweeper.n_trials=1", *case.told["arguments"]]
        said = io.StringIO()
        with redirect_stderr(said), redirect_stdout(io.StringIO()):
            try:
                code: object = runpy.run_path(TRAIN, run_name="__main__")
            except SystemExit as ended:
                code = ended.code
        if code == 0:
            return
        lines = said.getvalue().splitlines()
        assert code == 2 and lines and lines[-1].startswith("error: "), f"exit code {code}: {said.getvalue()[-300:]}"
        assert len(lines) == 1 and wrong_line(lines[0].removeprefix("error: ")) is None, said.getvalue()[-600:]
        assert "hunter2" not in said.getvalue(), "a password"
        raise UserError(lines[0])

    yield read


@contextmanager
def _runs(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
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
def _models(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
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


READERS = {
    "texts": Reader("Texts: CSV, TSV, JSON, annotation tools' exports, fastText's, folders, plain and packed", _texts),
    "binary_texts": Reader("Texts: Parquet, Hugging Face's data sets, DocBin", _binary_texts),
    "vectors": Reader("Vectors: GloVe, word2vec text and binary, fastText's models, spaCy pipelines", _tables),
    "archives": Reader("Archives: GloVe's zip, IMDB's tar.gz", _archives),
    "caches": Reader("Caches: a damaged entry is refused, or what it was", _caches),
    "runs": Reader("Runs' folders: what has changed is refused", _runs, n=5_000),
    "models": Reader("model/ copied out of its run", _models, n=500),
    "commands": Reader("Command lines: overrides of single runs and sweeps", _commands, n=2_000),
    "own_settings": Reader("A user's own YAML", _own_settings, n=2_000),
}
