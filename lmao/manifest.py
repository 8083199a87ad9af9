"""A run's manifest: the digests of all that it left in its folder. Whoever reads a file of it verifies that first."""

import json
from collections.abc import Iterable
from pathlib import Path

from lmao.cache import MANIFEST, file_digest, read_manifest, require_same, sealed
from lmao.files import write_whole


def write_manifest(folder: Path, names: Iterable[str]) -> None:
    """Write it, with the files and folders of these names that are there."""
    paths = [
        path for name in names if name != MANIFEST for path in sorted([folder / name, *(folder / name).rglob("*")])
    ]
    files = {path.relative_to(folder).as_posix(): file_digest(path) for path in paths if path.is_file()}
    write_whole(folder / MANIFEST, json.dumps(sealed({"files": files}), indent=2) + "\n")


def verify(folder: Path, *names: str) -> None:
    """Raises Damaged: a file of these names, or in a folder of them, is missing or not as the run left it."""
    files = read_manifest(folder)["files"]
    require_same(folder, {name: digest for name, digest in files.items() if name.partition("/")[0] in names})


def verify_where_it_lies(path: Path) -> None:
    """A file or a folder that may have been copied out of its run: verified where the run's manifest is beside it.

    Raises Damaged: as `verify`.
    """
    path = path.resolve()
    if (path.parent / "result.json").is_file() and (path.parent / MANIFEST).is_file():  # earlier versions left none
        verify(path.parent, path.name)
