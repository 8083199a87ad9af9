"""`lmao.load`: the folder of a run comes in, a classifier of new texts goes out."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao.cache import MANIFEST, Damaged
from lmao.corpus.corpus import Corpus
from lmao.corpus.reading import TextReader, read_texts
from lmao.corpus.tokens import in_processes
from lmao.engine.parameters import Floats
from lmao.engine.team import Team, available_threads
from lmao.errors import UserError
from lmao.manifest import verify_where_it_lies
from lmao.paths import expanded
from lmao.trained.chosen import Chosen
from lmao.trained.saved import FOLDER, read, save
from lmao.vectors.table import StaticVectors

PIPELINE = "meta.json"  # in the folder of each of spaCy's
CHARACTERS = 4_000_000  # of texts that are classified at once: bounds memory, and what is seen once is computed once


class LoadedClassifier:
    """What a run chose, ready for new texts. Its probabilities are the run's. A pickle holds the files of `saved`; of
    a `model/` alone what was read of it.

    classes_ (classes,): the labels, in the order of the probabilities' columns; language: the tokenizer's.
    """

    def __init__(self, chosen: Chosen, threads: int | None = None) -> None:
        """threads: None for as many as this process may use."""
        self.classes_ = np.array(chosen.labels)
        self.language = chosen.language
        self._chosen = chosen
        self._threads = threads
        self._read = TextReader(chosen.language)

    def __reduce__(self) -> tuple[Any, ...]:
        if not isinstance(self._chosen.table, StaticVectors | None):  # a pipeline's: there are no files for it
            return LoadedClassifier, (self._chosen, self._threads)
        with TemporaryDirectory() as folder:
            save(Path(folder), self._chosen)
            files = {path.name: path.read_bytes() for path in (Path(folder) / FOLDER).iterdir()}
        return _of_files, (files, self._threads)

    def predict(self, texts: Iterable[str]) -> NDArray[np.str_]:
        """The label (texts,) of each text; on a tie the first."""
        labels: NDArray[np.str_] = self.classes_[self.predict_proba(texts).argmax(axis=1)]
        return labels

    def predict_proba(self, texts: Iterable[str]) -> Floats:
        """Probabilities (texts, classes)."""
        return np.concatenate([*self.stream(texts), np.zeros((0, len(self.classes_)), np.float32)])

    def stream(self, texts: Iterable[str], apart: bool = False) -> Iterator[Floats]:
        """Probabilities (some, classes) of as many texts at a time as are classified at once, in order.

        apart: if there are many, they are read in a process of their own, or in as many as there are threads where
        reading takes most of the time. A program can start one only if its main module may be imported again.
        """
        chunks = _chunks(texts)
        with Team(self._threads or available_threads()) as team:
            for corpus in self._read_apart(chunks) if apart else map(self._read, chunks):
                yield self._chosen.predict(corpus, team)

    def _read_apart(self, chunks: Iterator[list[str]]) -> Iterator[Corpus]:
        few = list(islice(chunks, 2))
        if len(few) < 2:  # starting a process would take longer
            return map(self._read, few)
        processes = 1 if self._chosen.encodes else self._threads or available_threads()
        return in_processes(partial(read_texts, self._chosen.language), chain(few, chunks), processes)


def load(path: str | Path, threads: int | None = None) -> LoadedClassifier:
    """The classifier of the run in a folder, or of its `model/` alone.

    threads: None for as many as this process may use.

    Raises:
        UserError: there is none, a file of it is damaged, or another version of lmao wrote it.
    """
    folder = expanded(str(path))
    if (folder / FOLDER).is_dir():
        folder = folder / FOLDER
    try:
        if (folder / PIPELINE).is_file():
            from lmao.trained.pipelines import read_pipeline

            verify_where_it_lies(folder)
            return LoadedClassifier(read_pipeline(folder), threads)
        if folder.name != FOLDER or not (folder / MANIFEST).is_file():
            raise UserError(_missing(folder), advice="name the folder of a finished run, outputs/…")
        return LoadedClassifier(read(folder), threads)
    except Damaged as error:
        raise UserError(f"{folder} is damaged ({error})", advice="train the run again") from None


def _of_files(files: Mapping[str, bytes], threads: int | None) -> LoadedClassifier:
    """What `save` wrote, by the files' names."""
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return LoadedClassifier(read(Path(folder)).in_memory(), threads)


def _missing(folder: Path) -> str:
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if (folder / "result.json").is_file():
        with suppress(ValueError):  # a damaged one
            if not json.loads((folder / "result.json").read_text())["labels"]:
                return f"the run in {folder} had no labels, and so no classifier"
        return f"{folder} keeps no classifier: a sweep keeps its best trial's, tracking.keep_models=all each trial's"
    if models := sorted(folder.glob(f"*/{FOLDER}")):
        return f"{folder} is the folder of several runs, of which {models[0].parent} has a classifier"
    return f"{folder} is not the folder of a run"


def no_texts(texts: Iterable[str]) -> str | None:
    """Why this is no list of texts although it gives strings one by one: letters, or the names of columns."""
    if isinstance(texts, str):
        return "is one text: give a list of texts"
    if isinstance(texts, Mapping) or hasattr(texts, "columns"):
        return "is a table: give one column of it, table['text'] for example"
    return None


def no_text(text: object) -> str | None:
    """Why this can't be classified."""
    if not isinstance(text, str):
        return f"is no text but {type(text).__name__}: a list of texts is needed"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "has half a character (a lone surrogate, \\ud800 to \\udfff)"
    return None


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    """Neighbouring texts in lists of at least `CHARACTERS`, but for the last; without the white space around them, as
    they are trained on."""
    if why := no_texts(texts):
        raise TypeError(f"this {why}")
    chunk: list[str] = []
    size = 0
    for number, text in enumerate(texts):
        if why := no_text(text):
            raise (ValueError if isinstance(text, str) else TypeError)(f"texts[{number}] {why}")
        chunk.append(text.strip())
        size += len(text)
        if size >= CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
