"""A source whose parts (train, dev, test, unlabelled) are separate paths: what data=files and data=docbin share."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lmao.cache import file_digest, key_of
from lmao.config.data import Parted
from lmao.data.document import Document, Part
from lmao.data.lines import files_below
from lmao.data.record import Answer, Reader, Record
from lmao.errors import UserError


@dataclass(frozen=True)
class PartedSource:
    """notes: what the user should know about how the documents were read, once `documents()` has come to its end."""

    name: str
    paths: dict[Part, Path]
    selection: tuple[str | bool | None, ...]  # the settings that texts and labels depend on
    read: Reader
    notes: list[str] = field(default_factory=list, compare=False)

    def fingerprint(self) -> str:
        record = {
            "version": 2,
            "name": self.name,
            "selection": self.selection,
            "files": {part.name: _digests(path) for part, path in self.paths.items()},
        }
        return hashlib.sha256(key_of(record).encode()).hexdigest()

    def documents(self) -> Iterator[Document]:
        """TRAIN comes first: the labels of dev and test are checked against its labels. What an annotator has rejected
        comes last of its part, once it is known what the other label is. What has no label in data.path is
        unlabelled."""
        self.notes.clear()
        known: set[str] = set()
        forms: dict[Part, dict[str, None]] = {}
        answers, empty, unlabelled = Counter[Answer](), 0, 0
        for part, path in sorted(self.paths.items()):
            rejected: list[Record] = []
            for record in self._records(path, part):
                if record.answer is not Answer.IGNORE and not record.text:
                    empty += 1
                    continue
                forms.setdefault(part, {})[record.form] = None
                answers[record.answer] += 1
                if record.answer is Answer.REJECT:
                    rejected.append(record)
                elif record.answer is Answer.ACCEPT and part is Part.TRAIN and record.label is None:
                    unlabelled += 1
                    yield _document(record, Part.UNLABELLED, known)
                elif record.answer is Answer.ACCEPT:
                    yield _document(record, part, known)
            if part is Part.TRAIN:
                known |= {record.label for record in rejected if record.label is not None}
            for record in rejected:
                yield _document(record._replace(label=_other(record, known)), part, known)
        self.notes.extend(_notes(forms, answers, empty, unlabelled))

    def _records(self, path: Path, part: Part) -> Iterator[Record]:
        empty = True
        try:
            for record in self.read(path, part is not Part.UNLABELLED):
                empty = empty and not record.text and record.answer is not Answer.IGNORE
                yield record
        except OSError as error:
            raise unreadable(path, error) from None
        if empty:
            raise UserError(f"{path}: no text in it")


def _document(record: Record, part: Part, known: set[str]) -> Document:
    """known: the labels of data.path, which grow as it is read."""
    if record.label is None and part is not Part.UNLABELLED:
        raise UserError(f"{record.place}: no label, by which it would be measured")
    if record.label is not None and part is Part.TRAIN:
        known.add(record.label)
    elif record.label is not None and record.label not in known:
        raise UserError(f"{record.place}: label '{record.label}' does not occur in data.path, the training data")
    return Document(record.text, record.label, part, record.tree, record.place)


def _other(record: Record, known: set[str]) -> str:
    """The label that a text has whose label was rejected: it is clear where there are two, or one and its absence."""
    if record.label is None:
        raise UserError(f"{record.place}: rejected without a label", advice="ignore it, or remove the line")
    others = known - {record.label}
    if not others:
        return f"not {record.label}"
    if len(others) > 1:
        raise UserError(
            f"{record.place}: '{record.label}' is rejected, and {len(others)} other labels may be right",
            advice="accept one of them, or remove the line",
        )
    return others.pop()


def _notes(
    forms: Mapping[Part, Collection[str]], answers: Mapping[Answer, int], empty: int, unlabelled: int
) -> Iterator[str]:
    """How it was read: of the first part, of the others what differs; and what was left out, or not accepted."""
    first = min(forms)
    for part, found in forms.items():
        if any(found) and (part is first or set(found) != set(forms[first])):
            yield f"{part.name.lower()}: " * (part is not first) + " and ".join(found)
    if empty:
        yield f"{empty:,} empty, left out"
    if unlabelled:
        yield f"{unlabelled:,} without a label, unlabelled texts"
    if ignored := answers[Answer.IGNORE]:
        yield f"{ignored:,} ignored, left out"
    if rejected := answers[Answer.REJECT]:
        yield f"{rejected:,} rejected, read as the other label"


def _digests(path: Path) -> list[list[str]]:
    """Of a file, or of each in a folder; with what says how it is read, which counts as much as what is in it."""
    try:
        if path.is_dir():
            return [[file.relative_to(path).as_posix(), file_digest(file)] for file in files_below(path)]
        return [["".join(path.suffixes[-2:]).lower(), file_digest(path)]]
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: Path | str, error: OSError | RuntimeError) -> UserError:
    """path: of what was to be read; a folder in it may be at fault."""
    where = getattr(error, "filename", None) or path
    return UserError(f"{where} can't be read: {getattr(error, 'strerror', None) or error}")


def paths_of(config: Parted) -> dict[Part, Path]:
    """The paths that the user gave, one for each part.

    Raises:
        UserError: one is empty, does not exist, or serves two parts.
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
        if not value.strip():
            raise UserError(
                "it is empty", setting=f"data.{key}=", advice="name a file" if key == "path" else "name a file, or null"
            )
        try:
            path = Path(value).expanduser()
            exists = path.exists()
        except (OSError, RuntimeError) as error:  # a name that is too long, a user who isn't there
            raise unreadable(value, error) from None
        if not exists:
            raise UserError(f"{path} does not exist", setting=f"data.{key}")
        if any(path.samefile(other) for other in paths.values()):
            raise UserError(f"{path} is given twice, its texts would be in two parts", setting=f"data.{key}")
        paths[part] = path
    return paths
