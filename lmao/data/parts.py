"""A source whose parts (train, dev, test, unlabelled) are separate files: what data=files and data=docbin share."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lmao.cache import file_digest, key_of
from lmao.config.data import Parted
from lmao.data.document import Document, Part, Tree
from lmao.errors import UserError
from lmao.paths import expanded


class Record(NamedTuple):
    place: str  # file:line
    text: str
    label: str | None
    tree: Tree | None = None


@dataclass(frozen=True)
class PartedSource:
    name: str
    files: dict[Part, list[Path]]
    selection: tuple[str, ...]  # the settings that texts and labels depend on
    read: Callable[[Path, bool], Iterator[Record]]  # (file, is it labelled) -> records

    def fingerprint(self) -> str:
        # The ending says how a file is read, so it counts as much as what is in it.
        digests = {
            part.name: [["".join(path.suffixes[-2:]).lower(), file_digest(path)] for path in paths]
            for part, paths in self.files.items()
        }
        record = {"version": 1, "name": self.name, "selection": self.selection, "files": digests}
        return hashlib.sha256(key_of(record).encode()).hexdigest()

    def documents(self) -> Iterator[Document]:
        """TRAIN comes first, so that the labels of dev and test can be checked against its labels."""
        known: set[str] = set()
        for part, paths in sorted(self.files.items()):
            for path in paths:
                for place, text, label, tree in self._records(path, part):
                    if label is not None and part is Part.TRAIN:
                        known.add(label)
                    elif label is not None and label not in known:
                        raise UserError(f"{place}: label '{label}' does not occur in data.path, the training data")
                    yield Document(text, label, part, tree, place)

    def _records(self, path: Path, part: Part) -> Iterator[Record]:
        empty = True
        try:
            for record in self.read(path, part is not Part.UNLABELLED):
                empty = False
                yield record
        except OSError as error:
            raise UserError(f"{path} can't be read: {error.strerror or error}") from None
        if empty:
            raise UserError(f"{path}: no text in it")


def paths_of(config: Parted) -> dict[Part, Path]:
    """The paths that the user gave, one for each part.

    Raises:
        UserError: one does not exist, or serves two parts.
    """
    given = {
        "path": (Part.TRAIN, config.path),
        "dev_path": (Part.DEV, config.dev_path),
        "test_path": (Part.TEST, config.test_path),
        "unlabelled_path": (Part.UNLABELLED, config.unlabelled_path),
    }
    paths: dict[Part, Path] = {}
    for key, (part, value) in given.items():
        if value is None:
            continue
        path = expanded(value)
        if not path.exists():
            raise UserError(f"{path} does not exist", setting=f"data.{key}")
        if any(path.samefile(other) for other in paths.values()):
            raise UserError(f"{path} is given twice, its texts would be in two parts", setting=f"data.{key}")
        paths[part] = path
    return paths
