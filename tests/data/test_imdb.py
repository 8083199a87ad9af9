"""The IMDB archive: the same reviews however they are packed, and a one-line error for anything else."""

import hashlib
import http.server
import io
import os
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lmao.data.document import Document, Part
from lmao.data.imdb import download
from lmao.errors import UserError
from tests.support.sources import LABELS, documents, imdb, message, source, write


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
    assert [d.place for d in labelled[:4]] == [*(f"train/neg/{n}_5.txt" for n in (10, 1, 9)), "train/pos/10_5.txt"]
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
    (folder / "aclImdb/train/pos/.DS_Store").write_bytes(b"what a file manager left")
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
