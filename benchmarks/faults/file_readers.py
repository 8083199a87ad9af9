"""Readers of texts, vectors and archives, as files that a user has."""

import gzip
import io
import json
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from benchmarks.faults.inputs import Case, damaged, objects, packed, tables, vectors
from benchmarks.faults.reader import Read, written
from tests.support.sources import docbins, documents, files, imdb
from tests.support.tables import Loader


@contextmanager
def texts(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
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
        path = written(folder, case)
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
def binary_texts(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
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
                written(folder, Case(f"set/{name}", content))
        path = written(folder, case)
        if case.name == "a.spacy":
            documents(docbins(path))
        else:
            documents(files(folder / case.name.partition("/")[0]))

    yield st.one_of(cases), read


@contextmanager
def archives(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
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
        path = written(folder, case)
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
def word_vectors(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
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
                written(folder, Case(f"pipeline/vocab/{name}", content))
            settings |= {"name": "spacy", "path": str(folder / "pipeline")}
        elif case.name == "glove.txt" or case.told.get("format") == "glove":
            settings |= {"name": "glove", "dims": case.told.get("dims", 3)}
        written(folder, case)
        _load(folder, settings)

    cases = [damaged(content).map(partial(Case, name)) for name, content in whole.items()]
    inside = [damaged(content).map(partial(Case, f"pipeline/vocab/{name}")) for name, content in pipeline.items()]
    zipped = packed(whole["a.vec"], gzip.compress).map(partial(Case, "a.vec.gz"))
    yield st.one_of(vectors(), zipped, *cases, *inside), read
