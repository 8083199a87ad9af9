"""Sources and splits: what a user's texts become, and what is said where they can't be read."""

import csv
import gzip
import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import tarfile
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from numpy.typing import NDArray
from spacy.tokens import DocBin

from lmao.config import DocBins, Docstrings, Files, Imdb
from lmao.data import Document, Part, Source, Splits, open_source, split
from lmao.data.imdb import download
from lmao.errors import UserError

LABELS = ("neg", "pos")
ROWS = [{"text": f"text {i}", "label": LABELS[i % 2]} for i in range(8)]


NULL = ("train_examples", "dev_examples", "pretrain_documents")
PATHS = ("dev_path", "test_path", "unlabelled_path")


def settings(name: str, nulls: tuple[str, ...], changes: dict[str, Any]) -> dict[str, Any]:
    values = {"name": name, "language": "en", **dict.fromkeys(nulls), **changes}
    return {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}


def imdb(path: Path | None, **changes: Any) -> Imdb:
    changes = {"path": path, "unsupervised": False, "include_test_text": True, **changes}
    return Imdb.model_validate(settings("imdb", NULL, changes))


def files(path: Path, **changes: Any) -> Files:
    changes = {"path": path, "text_column": "text", "label_column": "label", "include_test_text": False, **changes}
    return Files.model_validate(settings("files", NULL + PATHS, changes))


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


# ---- imdb


@pytest.fixture
def reviews() -> dict[str, bytes]:
    members = {}
    for folder in ("test/pos", "train/unsup", "train/pos", "test/neg", "train/neg"):
        for number in (10, 9, 1):
            members[f"aclImdb/{folder}/{number}_5.txt"] = f"{folder} {number}<br /><br />caf\u00e9".encode()
    members["aclImdb/train/labeledBow.feat"] = b"0:1"
    return members


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def unpack(folder: Path, members: dict[str, bytes]) -> Path:
    for name, content in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_imdb_is_the_same_from_archive_folder_and_its_parent(tmp_path: Path, reviews: dict[str, bytes]) -> None:
    archive = pack(tmp_path / "a.tar.gz", reviews)
    reordered = pack(tmp_path / "b.tar.gz", dict(sorted(reviews.items())))
    folder = unpack(tmp_path, reviews)
    expected = documents(imdb(archive, unsupervised=True))
    assert len(expected) == 15
    for path in (reordered, folder, folder / "aclImdb"):
        assert documents(imdb(path, unsupervised=True)) == expected


def test_imdb_unsupervised_reviews_come_last_and_only_when_asked_for(tmp_path: Path, reviews: dict[str, bytes]) -> None:
    archive = pack(tmp_path / "a.tar.gz", reviews)
    labelled = documents(imdb(archive))
    everything = documents(imdb(archive, unsupervised=True))
    assert everything[: len(labelled)] == labelled
    assert {(d.part, d.label) for d in everything[len(labelled) :]} == {(Part.UNLABELLED, None)}
    assert source(imdb(archive)).fingerprint() != source(imdb(archive, unsupervised=True)).fingerprint()


def test_imdb_line_breaks_are_line_breaks(tmp_path: Path, reviews: dict[str, bytes]) -> None:
    first = documents(imdb(pack(tmp_path / "a.tar.gz", reviews)))[0]
    assert first == Document("train/neg 10\n\ncaf\u00e9", "neg", Part.TRAIN)


def test_imdb_other_files_are_refused(tmp_path: Path, reviews: dict[str, bytes]) -> None:
    assert "reviews.zip is not the IMDB archive" in message(imdb(write(tmp_path / "reviews.zip", b"PK\3\4 zip")))
    assert "no aclImdb/train/pos in it" in message(imdb(pack(tmp_path / "other.tar.gz", {"readme.txt": b"hello"})))
    assert "is not the IMDB archive" in message(imdb(write(tmp_path / "text.gz", "just a text " * 200)))
    assert "no aclImdb/train/pos in it" in message(imdb(tmp_path))
    assert "does not exist" in message(imdb(tmp_path / "missing.tar.gz"))
    labelled = {name: content for name, content in reviews.items() if "unsup" not in name}
    archive = pack(tmp_path / "labelled.tar.gz", labelled)
    assert "no aclImdb/train/unsup" in message(imdb(archive, unsupervised=True))


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9, 0.999])
def test_imdb_cut_archive_is_noticed(tmp_path: Path, reviews: dict[str, bytes], share: float) -> None:
    whole = pack(tmp_path / "a.tar.gz", reviews).read_bytes()
    cut = write(tmp_path / "cut", whole[: int(len(whole) * share)])
    assert "damaged or cut short" in message(imdb(cut))


def test_imdb_flipped_bytes_are_noticed(tmp_path: Path, reviews: dict[str, bytes]) -> None:
    whole = pack(tmp_path / "a.tar.gz", reviews).read_bytes()
    expected = documents(imdb(tmp_path / "a.tar.gz"))
    for position in range(10, len(whole), 7):
        flipped = bytearray(whole)
        flipped[position] ^= 0x10
        try:
            assert documents(imdb(write(tmp_path / "flipped", bytes(flipped)))) == expected
        except UserError as error:
            assert "IMDB" in str(error) or "damaged" in str(error)


def test_imdb_broken_utf8_names_the_member(tmp_path: Path, reviews: dict[str, bytes]) -> None:
    reviews["aclImdb/train/pos/9_5.txt"] = b"caf\xe9"
    for path in (pack(tmp_path / "a.tar.gz", reviews), unpack(tmp_path, reviews)):
        assert "train/pos/9_5.txt is not UTF-8" in message(imdb(path))


def test_imdb_folder_fingerprint_changes_with_a_file(tmp_path: Path, reviews: dict[str, bytes]) -> None:
    folder = unpack(tmp_path, reviews)
    before = source(imdb(folder)).fingerprint()
    assert source(imdb(folder)).fingerprint() == before
    (folder / "aclImdb/train/pos/9_5.txt").write_bytes(b"another text")
    assert source(imdb(folder)).fingerprint() != before


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path / "served"))

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    write_to = tmp_path / "served"
    write_to.mkdir()
    (write_to / "a.tar.gz").write_bytes(b"an archive")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_download_is_verified_and_kept(tmp_path: Path, server: str) -> None:
    checksum = "md5:" + hashlib.md5(b"an archive").hexdigest()
    path = download(f"{server}/a.tar.gz", checksum, tmp_path / "downloads")
    (tmp_path / "served" / "a.tar.gz").unlink()
    assert download(f"{server}/a.tar.gz", checksum, tmp_path / "downloads") == path
    assert path.read_bytes() == b"an archive"


def test_download_that_fails_says_to_give_a_path(tmp_path: Path, server: str) -> None:
    nobody = "http://127.0.0.1:9"
    for host, reason in ((server, "its checksum is wrong"), (nobody, "ConnectionError")):
        with pytest.raises(UserError, match=rf"{reason}.*data\.path=") as caught:
            download(f"{host}/a.tar.gz", "md5:00", tmp_path / "downloads")
        assert "\n" not in str(caught.value)
    assert [path.name for path in (tmp_path / "downloads").iterdir() if path.suffix != ".lock"] == []


@pytest.mark.skipif("LMAO_TEST_IMDB" not in os.environ, reason="LMAO_TEST_IMDB is not set to the aclImdb archive")
def test_the_real_imdb_archive() -> None:
    found: Counter[tuple[Part, str | None]] = Counter()
    for document in source(imdb(Path(os.environ["LMAO_TEST_IMDB"]))).documents():
        found[document.part, document.label] += 1
        assert "<br />" not in document.text
    assert found == {(part, label): 12_500 for part in (Part.TRAIN, Part.TEST) for label in LABELS}


# ---- docstrings


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
        "import sys; from pathlib import Path; from lmao.config import Docstrings; from lmao.data import open_source\n"
        "c = Docstrings(name='docstrings', language='en', packages=['mlflow', 'matplotlib'], documents=20,"
        " train_examples=1, dev_examples=1, pretrain_documents=None)\n"
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


# ---- files


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".tsv", ".jsonl.gz", ".csv.gz", ".tsv.gz"])
def test_files_of_every_kind_hold_the_same(tmp_path: Path, ending: str) -> None:
    rows = [{"text": 'with "quotes", commas,\ttabs\nand lines \u2028 caf\u00e9', "label": "a"}, *ROWS, ROWS[0]]
    rows.append({"text": "another", "label": "a"})
    if "jsonl" in ending:
        content = jsonl(rows)
    else:
        stream = io.StringIO()
        table = csv.DictWriter(stream, ["text", "label"], delimiter="," if "csv" in ending else "\t")
        table.writeheader()
        table.writerows(rows)
        content = stream.getvalue()
    found = documents(files(write(tmp_path / f"texts{ending}", content)))
    assert found == [Document(row["text"], row["label"], Part.TRAIN) for row in rows]


def test_files_parts_come_from_their_own_files(tmp_path: Path) -> None:
    path = write(tmp_path / "train.csv", "body,kind\na,1\nb,1\nc,2\nd,2\n")
    dev = write(tmp_path / "dev.jsonl", jsonl([{"body": "e", "kind": 1}]))
    test = write(tmp_path / "test.tsv", "kind\tbody\n2\tf\n")
    unlabelled = write(tmp_path / "more.txt.gz", "g\r\n\r\n  h  \n")
    columns = {"text_column": "body", "label_column": "kind"}
    found = documents(files(path, dev_path=dev, test_path=test, unlabelled_path=unlabelled, **columns))
    assert [d.text for d in found] == list("abcdefgh")
    assert found[4:] == [
        Document("e", "1", Part.DEV),
        Document("f", "2", Part.TEST),
        Document("g", None, Part.UNLABELLED),
        Document("h", None, Part.UNLABELLED),
    ]


def test_files_byte_order_mark_and_long_fields_are_accepted(tmp_path: Path) -> None:
    long = "word " * 100_000
    path = write(tmp_path / "a.csv", f"text,label\n{long},a\nshort,a\nx,b\ny,b\n".encode("utf-8-sig"))
    assert documents(files(path))[0].text == long.strip()


BAD: dict[str, tuple[str, str | bytes, str]] = {
    "undecodable": ("a.jsonl", b'{"text": "a", "label": "b"}\n{"text": "caf\xe9"}\n', ":2: not UTF-8"),
    "utf16": ("a.csv", "text,label\n".encode("utf-16"), ":1: not UTF-8"),
    "NUL": ("a.csv", b"text,label\na,b\n\0c,d\n", ":3: has a NUL"),
    "broken JSON": ("a.jsonl", '{"text": "a", "label": "b"}\n{"text": \n', ":2: not JSON"),
    "deep JSON": ("a.jsonl", "[" * 100_000 + "\n", ":1: not JSON"),
    "endless number": ("a.jsonl", '{"text": ' + "1" * 10_000 + "}\n", ":1: not JSON"),
    "no object": ("a.jsonl", "[1]\n", ":1: a JSON object"),
    "surrogate": ("a.jsonl", '{"text": "\\ud800", "label": "b"}\n', ":1: has half a character"),
    "text is no text": ("a.jsonl", '{"text": 1, "label": "b"}\n', ":1: 'text' is not a text"),
    "no text column": ("a.jsonl", '{"body": "a", "label": "b"}\n', ":1: no column 'text', there is 'body', 'label'"),
    "no label column": (
        "a.csv",
        "text,kind\na,b\n",
        "no column 'label', there is 'text', 'kind': set data.label_column",
    ),
    "empty text": ("a.csv", 'text,label\na,b\n" ",b\n', ":3: 'text' is empty"),
    "no label": ("a.csv", "text,label\na,b\nc,\n", ":3: no label"),
    "null label": ("a.jsonl", '{"text": "a", "label": null}\n', ":1: no label"),
    "label is a list": ("a.jsonl", '{"text": "a", "label": ["b"]}\n', ":1: 'label' must be"),
    "too many fields": ("a.csv", "text,label\na, and more,b\n", ":2: 3 fields, but the header has 2"),
    "too few fields": ("a.tsv", "text\tlabel\na\n", ":2: 1 fields, but the header has 2"),
    "open quote": ("a.csv", 'text,label\na,b\n"c,d\ne,f\n', ":3: not a table"),
    "empty file": ("a.jsonl", "", "a.jsonl: no text in it"),
    "header only": ("a.csv", "text,label\n\n", "a.csv: no text in it"),
    "unknown ending": ("a.xlsx", "text", "a.xlsx: not a kind of file"),
    "text without labels": ("a.txt", "text", "a.txt: not a kind of file"),
    "label seen once": ("a.csv", "text,label\na,x\nb,x\nc,typo\nd,y\ne,y\n", ":4: label 'typo' occurs only here"),
}


@pytest.mark.parametrize("case", BAD)
def test_files_errors_name_file_and_line(tmp_path: Path, case: str) -> None:
    name, content, expected = BAD[case]
    path = write(tmp_path / name, content)
    assert expected in message(files(path))
    assert str(path) in message(files(path))


def test_files_damaged_gzip_is_said(tmp_path: Path) -> None:
    plain = tmp_path / "a.jsonl.gz"
    plain.write_text(jsonl(ROWS))
    assert ":1: not a whole gzip file" in message(files(plain))
    whole = gzip.compress(jsonl(ROWS).encode())
    plain.write_bytes(whole[:-9])
    assert "not a whole gzip file" in message(files(plain))


def test_files_label_unknown_to_training_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", jsonl(ROWS))
    dev = write(tmp_path / "dev.csv", "text,label\na,pos\nb,positive\n")
    assert f"{dev}:3: label 'positive' does not occur" in message(files(path, dev_path=dev))
    assert "does not occur" in message(files(path, test_path=dev))


def test_files_paths_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", jsonl(ROWS))
    for key in ("dev_path", "test_path", "unlabelled_path"):
        with pytest.raises(UserError, match=rf"data.{key}: .*missing.csv does not exist"):
            source(files(path, **{key: tmp_path / "missing.csv"}))
        with pytest.raises(UserError, match=rf"data.{key}: .*given twice"):
            source(files(path, **{key: path}))
    with pytest.raises(UserError, match="not a kind of file"):
        source(files(tmp_path))


def test_files_fingerprint_is_of_contents_and_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "train.jsonl", jsonl(ROWS))
    before = source(files(path)).fingerprint()
    changes = {"train_examples": 2, "dev_examples": 2, "pretrain_documents": 3, "include_test_text": True}
    assert source(files(path, **changes)).fingerprint() == before
    assert source(files(path, label_column="kind")).fingerprint() != before
    other = write(tmp_path / "more.txt", "a text")
    assert source(files(path, unlabelled_path=other)).fingerprint() != before
    assert source(files(path, dev_path=other.rename(tmp_path / "a.csv"))).fingerprint() != before
    write(path, jsonl(ROWS[1:]))
    assert source(files(path)).fingerprint() != before


# ---- docbin


def docbin(path: Path, cats: list[dict[str, float]], texts: list[str] | None = None) -> Path:
    tokenizer = spacy.blank("en")
    stored = DocBin()
    for number, scores in enumerate(cats):
        doc = tokenizer(f"Text number {number}, isn't it?" if texts is None else texts[number])
        doc.cats = scores
        stored.add(doc)
    stored.to_disk(path)
    return path


TWO_EACH: list[dict[str, float]] = [{"a": 1.0, "b": 0.0}, {"a": 0.2, "b": 0.8}] * 2


def test_docbin_label_is_the_highest_category(tmp_path: Path) -> None:
    found = documents(docbins(docbin(tmp_path / "a.spacy", TWO_EACH)))
    assert [(d.text, d.label) for d in found[:2]] == [
        ("Text number 0, isn't it?", "a"),
        ("Text number 1, isn't it?", "b"),
    ]


def test_docbin_folder_is_all_its_files_and_unlabelled_needs_no_category(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    docbin(tmp_path / "train" / "b.spacy", TWO_EACH)
    docbin(tmp_path / "train" / "a.spacy", TWO_EACH[:2])
    unlabelled = docbin(tmp_path / "raw.spacy", [{}])
    found = documents(docbins(tmp_path / "train", unlabelled_path=unlabelled))
    assert [d.part for d in found] == [Part.TRAIN] * 6 + [Part.UNLABELLED]


def test_docbin_errors_name_file_and_document(tmp_path: Path) -> None:
    path = tmp_path / "a.spacy"
    docbin(path, [*TWO_EACH, {}])
    assert "a.spacy: document 5: no category" in message(docbins(path))
    docbin(path, [*TWO_EACH, {"a": 0.5, "b": 0.5}])
    assert "a.spacy: document 5: no single highest" in message(docbins(path))
    docbin(path, TWO_EACH[:2], ["a", " "])
    assert "a.spacy: document 2: its text is empty" in message(docbins(path))
    docbin(path, TWO_EACH[:1])
    assert "a.spacy: document 1: label 'a' occurs only here" in message(docbins(path))
    docbin(path, [])
    assert "a.spacy: no text in it" in message(docbins(path))
    assert "neither a .spacy file nor a folder" in message(docbins(write(tmp_path / "a.txt", "text")))
    (tmp_path / "empty").mkdir()
    assert "neither a .spacy file nor a folder" in message(docbins(tmp_path / "empty"))


def test_docbin_damage_is_one_line(tmp_path: Path) -> None:
    inside = zlib.decompress(docbin(tmp_path / "a.spacy", TWO_EACH).read_bytes())
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        position = random.integers(len(inside))
        content = inside[:position] + random.bytes(1) + inside[position + 1 :]
        path = write(tmp_path / "b.spacy", zlib.compress(content))
        try:
            documents(docbins(path))
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 20
    for content in (b"", b"text", zlib.compress(inside)[:-20], zlib.compress(inside + b"x"), zlib.compress(b"\xc1")):
        assert "b.spacy: not a whole DocBin" in message(docbins(write(tmp_path / "b.spacy", content)))


# ---- split


def corpus(train: int = 40, dev: int = 0, test: int = 0, raw: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    counts = [train, dev, test, raw]
    parts = np.repeat(np.arange(4, dtype=np.uint8), counts)
    labels = (np.arange(len(parts)) % 2).astype(np.int32)
    labels[parts == Part.UNLABELLED] = -1
    return parts, labels


def draw(
    config: Imdb | Files | Docstrings, sizes: dict[str, int], seed: int = 0, evaluate_test: bool = False
) -> Splits:
    return split(config, *corpus(**sizes), LABELS, np.random.default_rng(seed), evaluate_test)


def refusal(config: Imdb | Files | Docstrings, sizes: dict[str, int], evaluate_test: bool = False) -> str:
    with pytest.raises(UserError) as caught:
        draw(config, sizes, 0, evaluate_test)
    return str(caught.value)


def test_split_train_and_dev_are_disjoint_and_drawn_by_seed() -> None:
    config = imdb(None, train_examples=10, dev_examples=20)
    first, again, other = (draw(config, {"train": 40, "test": 6}, seed) for seed in (1, 1, 2))
    assert len(first.train.documents) == 10 and len(first.dev.documents) == 20
    assert not set(first.train.documents) & set(first.dev.documents)
    assert np.array_equal(first.train.documents, again.train.documents)
    assert set(first.train.documents) != set(other.train.documents)
    assert np.array_equal(first.train.labels, first.train.documents % 2)
    assert first.train.documents.dtype == np.int64 and first.train.labels.dtype == np.int32


def test_split_more_training_examples_contain_fewer() -> None:
    few, many = (draw(imdb(None, train_examples=n, dev_examples=10), {"train": 40}) for n in (10, 30))
    assert np.array_equal(many.train.documents[:10], few.train.documents)
    assert np.array_equal(many.dev.documents, few.dev.documents)


def test_split_null_takes_a_fifth_for_dev_and_the_rest_for_training() -> None:
    drawn = draw(imdb(None), {"train": 40})
    assert (len(drawn.train.documents), len(drawn.dev.documents)) == (32, 8)
    drawn = draw(imdb(None, dev_examples=30), {"train": 40})
    assert (len(drawn.train.documents), len(drawn.dev.documents)) == (10, 30)


def test_split_dev_file_serves_as_dev() -> None:
    sizes = {"train": 40, "dev": 10}
    drawn = draw(files(Path("unread")), sizes)
    assert set(drawn.dev.documents) == set(range(40, 50)) and len(drawn.train.documents) == 40
    drawn = draw(files(Path("unread"), dev_examples=5), sizes)
    assert len(set(drawn.dev.documents)) == 5 and set(drawn.dev.documents) <= set(range(40, 50))
    assert "data.dev_examples=11" in refusal(files(Path("unread"), dev_examples=11), sizes)
    assert "data.train_examples=41" in refusal(files(Path("unread"), train_examples=41), sizes)


def test_split_test_is_there_only_when_asked_for() -> None:
    sizes = {"train": 40, "test": 6}
    assert draw(imdb(None), sizes).test is None
    examples = draw(imdb(None), sizes, evaluate_test=True).test
    assert examples is not None and np.array_equal(examples.documents, np.arange(40, 46))
    assert "give data.test_path" in refusal(imdb(None), {"train": 40}, evaluate_test=True)


def test_split_pretraining_leaves_test_texts_out_unless_told_otherwise() -> None:
    sizes = {"train": 40, "dev": 4, "test": 6, "raw": 5}
    without = np.r_[0:44, 50:55]
    assert np.array_equal(draw(imdb(None, include_test_text=True), sizes).pretrain, np.arange(55))
    assert np.array_equal(draw(imdb(None, include_test_text=False), sizes).pretrain, without)
    assert np.array_equal(draw(docstrings(), sizes).pretrain, without)


def test_split_pretraining_subset_does_not_change_train_and_dev() -> None:
    whole = draw(imdb(None), {"train": 40, "raw": 20})
    subset = draw(imdb(None, pretrain_documents=15), {"train": 40, "raw": 20})
    assert np.array_equal(whole.train.documents, subset.train.documents)
    assert len(set(subset.pretrain)) == 15 and np.all(np.diff(subset.pretrain) > 0)
    assert "data.pretrain_documents=61" in refusal(imdb(None, pretrain_documents=61), {"train": 40, "raw": 20})


def test_split_too_few_examples_names_keys_and_counts() -> None:
    said = refusal(imdb(None, train_examples=1000, dev_examples=10_000), {"train": 40})
    assert "data.train_examples=1000" in said and "data.dev_examples=10000" in said and "40" in said
    assert "data.dev_examples=40" in refusal(imdb(None, dev_examples=40), {"train": 40})


def test_split_classes_that_cannot_be_learned_are_named() -> None:
    parts, labels = corpus(40)
    generator = np.random.default_rng(0)
    for changed, expected in (
        (np.zeros_like(labels), "only the class 'neg'"),
        (np.full_like(labels, -1), "no label"),
        ((np.arange(40) == 3).astype(np.int32), "label 'pos' occurs once"),
    ):
        with pytest.raises(UserError, match=expected):
            split(imdb(None), parts, changed, LABELS, generator, False)
    with pytest.raises(UserError, match=r"no example of class '(neg|pos)' among the 1 training examples"):
        split(imdb(None, train_examples=1), parts, labels, LABELS, generator, False)
