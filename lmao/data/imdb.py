"""The Large Movie Review Dataset (Maas et al. 2011): from its archive, without unpacking it, or from its folder."""

import gzip
import hashlib
import os
import re
import sys
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pooch
from filelock import FileLock

from lmao.cache import file_digest, key_of
from lmao.config.data import Imdb
from lmao.data.document import Document, Part
from lmao.errors import UserError
from lmao.paths import expanded

URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
CHECKSUM = "md5:7c2ac02c03563afcf9b574c7e56c153a"
MEMBER = re.compile(r"(?:^|/)((?:train|test)/(?:neg|pos)|train/unsup)/([^/.][^/]*\.txt)$")
FOLDERS = {
    "train/neg": (Part.TRAIN, "neg"),
    "train/pos": (Part.TRAIN, "pos"),
    "test/neg": (Part.TEST, "neg"),
    "test/pos": (Part.TEST, "pos"),
    "train/unsup": (Part.UNLABELLED, None),
}
ADVICE = "leave it out to download the archive (84 MB), or point it at aclImdb_v1.tar.gz or the unpacked folder"


class Review(NamedTuple):
    """Sorts by folder, then by file name, however the archive was packed."""

    folder: int  # position in FOLDERS
    name: str
    content: bytes


@dataclass(frozen=True)
class ImdbSource:
    path: Path
    unsupervised: bool
    name: str = "imdb"

    def fingerprint(self) -> str:
        content = _folder_digest(self.path) if self.path.is_dir() else file_digest(self.path)
        return hashlib.sha256(f"imdb 1 {content} {self.unsupervised}".encode()).hexdigest()

    def documents(self) -> Iterator[Document]:
        folders = list(FOLDERS) if self.unsupervised else [name for name in FOLDERS if name != "train/unsup"]
        reviews = _from_folder(self.path, folders) if self.path.is_dir() else _from_archive(self.path, folders)
        for review in reviews:
            part, label = FOLDERS[folders[review.folder]]
            name = f"{folders[review.folder]}/{review.name}"
            try:
                text = review.content.decode("utf-8")
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{self.path}: {name} is not UTF-8 (byte {error.start})", advice="download the data set again"
                ) from None
            yield Document(text.replace("<br />", "\n"), label, part, place=name)


def open_imdb(config: Imdb, cache_dir: Path) -> ImdbSource:
    """Check `data.path`, or download the official archive where there is none.

    Raises:
        UserError: neither the archive nor its folder, or no network.
    """
    if config.path is None:
        path = download(URL, CHECKSUM, cache_dir / "downloads")
        return ImdbSource(path, config.unsupervised)
    path = expanded(config.path)
    if not path.exists():
        raise UserError(f"{path} does not exist", setting="data.path", advice=ADVICE)
    if path.is_dir() and not (path / "train").is_dir() and (path / "aclImdb").is_dir():
        path = path / "aclImdb"
    if path.is_dir():
        _require(path, "folder", {name for name in FOLDERS if (path / name).is_dir()}, config.unsupervised)
    elif not _is_gzip(path):
        raise UserError(f"{path} is not the IMDB archive: not a .tar.gz file", setting="data.path", advice=ADVICE)
    return ImdbSource(path, config.unsupervised)


def download(url: str, checksum: str, folder: Path) -> Path:
    """The file at `url`, fetched once and verified; two processes that need it fetch it once.

    Raises:
        UserError: it can't be fetched or is another file than expected.
    """
    name = url.rpartition("/")[2]
    pooch.get_logger().setLevel("ERROR")
    fetch = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{name}.lock"):
            return Path(pooch.retrieve(url, checksum, fname=name, path=folder, downloader=fetch))
    except (OSError, ValueError) as error:
        is_other = not isinstance(error, OSError)  # pooch's error for a wrong checksum is a ValueError
        reason = "its checksum is wrong" if is_other else getattr(error, "strerror", None) or type(error).__name__
        advice = f"download it elsewhere and give data.path=<{name}>"
        raise UserError(f"{url} could not be downloaded: {reason}", setting="data.path=null", advice=advice) from None


def _from_archive(path: Path, folders: list[str]) -> Iterator[Review]:
    """One pass over the archive; holds the reviews to sort them."""
    reviews = []
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # or it keeps all 100,000 headers
                match = MEMBER.search(member.name)
                if match is None or match[1] not in folders or not member.isfile():
                    continue
                file = archive.extractfile(member)
                assert file is not None
                reviews.append(Review(folders.index(match[1]), match[2], file.read()))
            while stream.read(1 << 20):  # to the end, where gzip's checksum is
                pass
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is damaged or cut short ({error})", setting="data.path", advice=ADVICE) from None
    except tarfile.TarError as error:
        raise UserError(f"{path} is not the IMDB archive: {error}", setting="data.path", advice=ADVICE) from None
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}", setting="data.path") from None
    _require(path, "archive", {folders[review.folder] for review in reviews}, "train/unsup" in folders)
    reviews.sort()
    yield from reviews


def _from_folder(root: Path, folders: list[str]) -> Iterator[Review]:
    for position, folder in enumerate(folders):
        try:
            names = sorted(name for name in os.listdir(root / folder) if MEMBER.search(f"{folder}/{name}"))
            if not names:
                raise UserError(
                    f"{root / folder} has no reviews in it",
                    setting="data.path",
                    advice=ADVICE,
                )
            for name in names:
                yield Review(position, name, (root / folder / name).read_bytes())
        except OSError as error:
            raise UserError(f"{error.filename} can't be read: {error.strerror}") from None


def _require(path: Path, kind: str, found: set[str], unsupervised: bool) -> None:
    for name in ("train/pos", "train/neg", "test/pos", "test/neg"):
        if name not in found:
            raise UserError(
                f"{path} is not the IMDB {kind}: no aclImdb/{name} in it", setting="data.path", advice=ADVICE
            )
    if unsupervised and "train/unsup" not in found:
        raise UserError(f"data.unsupervised=true, but {path} has no aclImdb/train/unsup")


def _is_gzip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}", setting="data.path") from None


def _folder_digest(root: Path) -> str:
    files = {}
    for folder in FOLDERS:
        if (root / folder).is_dir():
            for file in os.scandir(root / folder):
                if MEMBER.search(f"{folder}/{file.name}"):
                    status = file.stat()
                    files[f"{folder}/{file.name}"] = [status.st_size, status.st_mtime_ns]
    return key_of(files)
