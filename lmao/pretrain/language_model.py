"""The pre-trained language model of a run: kept beside its classifier, and read back to fill in masked words.

A run's `tok2vec.bin` is the encoder. `language_model/` adds the output layer, and the rows that it was trained to point
to with their words. The rows are as they were predicted, centred or whitened, so nothing has to be computed again; they
take less than the table in `model/`.
"""

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lmao.cache import Cache, Damaged, Entry, Writer
from lmao.corpus.encoding import MASK
from lmao.corpus.selection import Selection
from lmao.corpus.tokens import doc_of
from lmao.encoder.stock import open_tok2vec
from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats, Parameters
from lmao.errors import UserError
from lmao.manifest import verify
from lmao.objectives.output import OutputLayer
from lmao.objectives.tasks import Task
from lmao.vectors.nearest import nearest, unit_rows

FOLDER = "language_model"
ADVICE = "train one with +recipe=words"
MASKED = re.compile(rf" ?{re.escape(MASK)} ?")

log = logging.getLogger("lmao")


@dataclass(frozen=True)
class Completion:
    """The nearest words of one masked place, the best first, and their cosines with what was predicted."""

    words: Sequence[str]
    cosines: Sequence[float]


def save_language_model(folder: Path, weights: Parameters, tasks: Sequence[Task], texts: Selection) -> None:
    """Write `folder / "language_model"`, if a task predicts masked words; of several the first.

    weights: the pre-trained ones, output layers among them; texts: what was pre-trained on.
    """
    predicting = ((task.output, task.own_words) for task in tasks)
    output, table = next(((output, table) for output, table in predicting if table is not None), (None, None))
    if output is None or table is None:
        return
    rows, words = _most_frequent(texts, table.rows)

    def make(writer: Writer) -> None:
        writer.array("table", unit_rows(table.vectors[rows]))
        (writer.path / "words.json").write_text(json.dumps(words), encoding="utf-8")
        for array in output.shapes():
            writer.array(array, weights[array])
        writer.meta |= output.record()

    Cache(folder, log.warning).put("", FOLDER, make)


def _most_frequent(texts: Selection, rows: NDArray[np.int32]) -> tuple[NDArray[np.int32], list[str]]:
    """The rows (m,) that words have, and of each the word that occurs most: in some tables words share a row."""
    corpus = texts.corpus
    of_words = np.bincount(corpus.type_words, texts.counts, minlength=len(corpus.words))
    order = np.argsort(-of_words[corpus.type_words], kind="stable")
    order = order[rows[order] >= 0]
    used, first = np.unique(rows[order], return_index=True)
    return used, [corpus.words[word] for word in corpus.type_words[order[first]]]


class LanguageModel:
    """The language model of the run in a folder.

    Raises:
        UserError: the folder is not that of a run that keeps such a model, or a file of it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        import spacy

        entry = _entry(folder)
        try:
            self._nlp = spacy.load(folder / "model", exclude=["textcat"])
            model = spacy.util.load_config(folder / "config.cfg")["components"]["textcat"]["model"]
            self._tok2vec = open_tok2vec(model["tok2vec"], self._nlp).from_bytes((folder / "tok2vec.bin").read_bytes())
        except Exception as error:  # spaCy leaks whatever its parsers raise
            reason = str(error).splitlines()[0]
            raise UserError(
                f"model/, config.cfg or tok2vec.bin in {folder} is missing or damaged ({reason})",
                setting="--model",
                advice="train the run again",
            ) from None
        self._output = OutputLayer.of(entry.meta, self._tok2vec.get_dim("nO"))
        self._weights = Parameters(self._output.shapes())
        self._weights.copy_from({name: entry.array(name) for name in self._weights.shapes})
        self._units: Floats = np.asarray(entry.array("table"))
        self._words: list[str] = entry.json("words")

    def fill(self, text: str, k: int) -> list[Completion]:
        """The k nearest words of each [MASK] in a text, in its order."""
        predicted = self.predict(text)
        rows, cosines = nearest(predicted, self._units, k)
        words = [[self._words[row] for row in found] for found in rows]
        return [Completion(found, values.tolist()) for found, values in zip(words, cosines, strict=True)]

    def predict(self, text: str) -> Floats:
        """The vectors (masks, dims) that are predicted."""
        from spacy.tokens import Doc

        words: list[str] = []
        masked: list[int] = []
        for i, piece in enumerate(MASKED.split(text)):  # the tokenizer would take [MASK] apart
            if i:
                masked.append(len(words))
                words.append(MASK)
            words += [token.text for token in doc_of(self._nlp.tokenizer, piece)]
        encoded: Floats = self._tok2vec.predict([Doc(self._nlp.vocab, words=words)])[0]
        X = np.ascontiguousarray(encoded[masked], dtype=np.float32)
        prediction, _ = self._output(self._weights, X, Workspace())
        dims = self._units.shape[1]
        middle = prediction.shape[1] // dims // 2 * dims  # of three vectors side by side the word's own
        return prediction[:, middle : middle + dims].copy()


def _entry(folder: Path) -> Entry:
    result = folder / "result.json"
    if not result.is_file():
        raise UserError(
            f"{folder} has no result.json", setting="--model", advice="name the folder of a finished run, outputs/…"
        )
    try:
        verify(folder, result.name)
        if (folder / FOLDER).is_dir():
            verify(folder, "model", "tok2vec.bin")
            return Entry(folder / FOLDER)
    except Damaged as error:
        raise UserError(f"{folder} is damaged ({error})", setting="--model", advice="train the run again") from None
    if json.loads(result.read_text()).get("pretrain") is None:
        raise UserError(
            f"the run in {folder} did not pre-train",
            setting="--model",
            advice=ADVICE,
        )
    if not (folder / "model").is_dir():
        raise UserError(
            f"{folder} keeps no model: a sweep keeps its best trial's, tracking.keep_models=all each trial's",
            setting="--model",
        )
    raise UserError(
        f"the run in {folder} has not learned to predict masked words",
        setting="--model",
        advice=ADVICE,
    )
