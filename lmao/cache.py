"""The content-keyed cache: each entry is a folder, written beside its place, renamed, and verified when opened."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from lmao.errors import UserError
from lmao.paths import expanded

MANIFEST = "manifest.json"
ADVICE = "set it, or LMAO_CACHE, to a folder that you may write to"


class Damaged(Exception):
    """An entry that does not verify: it is treated as missing and made again."""


def open_cache(folder: str, warn: Callable[[str], None]) -> "Cache":
    """The cache in a folder, which is created if it is missing.

    Raises:
        UserError: it can't be created or written to.
    """
    root = expanded(folder, "cache_dir", ADVICE)
    try:
        root.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=root).close()
    except OSError as error:
        raise UserError(f"{root} can't be written to ({error.strerror})", setting="cache_dir", advice=ADVICE) from None
    return Cache(root, warn)


def key_of(record: Mapping[str, Any]) -> str:
    """The first 20 hex digits of the SHA-256 of a record of plain values."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:20]


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_digest(package: Path) -> str:
    """20 hex digits that stand for the names and contents of a folder's .py files."""
    whole = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        whole.update(f"{path.relative_to(package).as_posix()}\0{path.stat().st_size}\0".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()[:20]


class Entry:
    """A verified folder: .npy arrays, and one JSON value called `meta`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        manifest = read_manifest(path)
        require_same(path, manifest["files"])
        self.digest: str = key_of(manifest)
        self.meta: dict[str, Any] = manifest["meta"]

    def array(self, name: str) -> NDArray[Any]:
        """The array stored as `name`, memory-mapped, read-only.

        Raises:
            Damaged: the header doesn't fit the file.
        """
        path = self.path / f"{name}.npy"
        try:
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except Exception as error:  # np.load leaks whatever its parser raises: a tokenize error, for one
            raise Damaged(f"{path.name}: {error}") from None
        return array

    def json(self, name: str) -> Any:
        """The value stored in `name`.json."""
        return json.loads((self.path / f"{name}.json").read_bytes())


class EntryInMemory(Entry):
    """What an entry held, without its folder."""

    def __init__(self, meta: dict[str, Any], arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> None:
        self.meta = meta
        self._arrays, self._values = arrays, values

    def array(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def json(self, name: str) -> Any:
        return self._values[name]


class Writer:
    """For the function that makes an entry: the folder to write into, and `meta` to fill in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.meta: dict[str, Any] = {}

    def array(self, name: str, values: NDArray[Any]) -> None:
        """Not by np.save, which says nothing of a short array whose last write failed."""
        with self.blocks(name, values.dtype.str, values.shape) as write:
            write(values)

    @contextmanager
    def blocks(self, name: str, dtype: str, shape: tuple[int, ...]) -> Iterator[Callable[[NDArray[Any]], None]]:
        """Like `array`, for what doesn't fit into memory: yields a function that appends a block, converted to numpy's
        dtype `<i4`, `<f4`, … A full disk raises; with a memory-mapped file it would kill the process."""
        with (self.path / f"{name}.npy").open("wb") as file:
            header = {"descr": dtype, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)

            def write(block: NDArray[Any]) -> None:
                file.write(np.ascontiguousarray(block, dtype).data)

            yield write


class Cache:
    """Folders `<root>/<kind>/<key>`. Two processes that need the same entry make it once."""

    def __init__(self, root: Path, warn: Callable[[str], None]) -> None:
        self.root = root
        self._warn = warn

    def get(self, kind: str, name: str) -> Entry | None:
        """The entry, or None if there is none or it is damaged; damage is reported in one line."""
        path = self.root / kind / name
        if not path.exists():
            return None
        try:
            return Entry(path)
        except Damaged as error:
            self.reject(kind, name, error)
            return None

    def reject(self, kind: str, name: str, error: Exception) -> None:
        """Report in one line that an entry can't be used and will be made again."""
        self._warn(f"cache: {kind}/{name} is damaged ({error}) and will be made again")

    def put(self, kind: str, name: str, make: Callable[[Writer], None]) -> Entry:
        """Write an entry beside its place, then rename it; replaces an earlier one. The caller holds the lock."""
        folder = self.root / kind
        folder.mkdir(parents=True, exist_ok=True)
        self.remove_left(kind, name.partition("-")[0])
        temporary = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
        try:
            writer = Writer(temporary)
            make(writer)
            files = {
                str(path.relative_to(temporary)): file_digest(path)
                for path in sorted(temporary.rglob("*"))
                if path.is_file()
            }
            (temporary / MANIFEST).write_text(json.dumps(sealed({"files": files, "meta": writer.meta})))
            temporary.chmod(0o777 & ~_umask())  # mkdtemp's folders are for its own user, a cache may be shared
            place = folder / name
            if place.exists():
                discard(place)
            os.rename(temporary, place)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return Entry(place)

    def remove_left(self, kind: str, name: str) -> None:
        """Remove what killed processes have left of entries of this name, or beginning with it and a dash. The caller
        holds the lock."""
        for left in (self.root / kind).glob(f".{name}-*"):
            shutil.rmtree(left, ignore_errors=True)

    def get_or_make(self, kind: str, record: Mapping[str, Any], make: Callable[[Writer], None]) -> tuple[Entry, bool]:
        """The entry under the record's key and whether it was there already."""
        name = key_of(record)
        with self.lock(kind, name):
            entry = self.get(kind, name)
            if entry is not None:
                return entry, True
            return self.put(kind, name, make), False

    @contextmanager
    def lock(self, kind: str, name: str) -> Iterator[None]:
        """Held by the process that computes an entry; the kernel frees it when the process dies."""
        folder = self.root / kind
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self._warn(f"cache: waiting for another process, which is making {kind}/{name}")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def discard(folder: Path) -> None:
    """Remove an entry: renamed away first, so that no process meets half of it."""
    gone = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    os.rename(folder, gone / folder.name)
    shutil.rmtree(gone, ignore_errors=True)


def sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """With a digest of its own."""
    return {**manifest, "digest": key_of(manifest)}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises Damaged: there is none, or it isn't as it was written."""
    with _damage():
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        digest = manifest.pop("digest")
        if key_of(manifest) != digest:
            raise Damaged(f"{MANIFEST} has changed")
    return manifest


def require_same(folder: Path, files: Mapping[str, str]) -> None:
    """Raises Damaged: a file, by its name, has another digest, or there is none."""
    with _damage():
        for name, digest in files.items():
            if file_digest(folder / name) != digest:
                raise Damaged(f"{name} has changed")


@contextmanager
def _damage() -> Iterator[None]:
    """What a damaged manifest, or a folder that isn't one, makes Python raise."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise Damaged(f"there is no file {Path(error.filename).name}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(str(error)) from None
