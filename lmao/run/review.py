"""What a user reads after a run: its texts for development by loss, and training texts whose label is in doubt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from lmao.console import counted, shortened
from lmao.corpus.corpus import Corpus
from lmao.data.document import Document, Source
from lmao.engine.parameters import Floats
from lmao.errors import UserError
from lmao.run.scores import losses, read_predictions, write_arrays
from lmao.run.stages.encode import Dataset
from lmao.sheets import write_sheet
from lmao.textcat.doubt import Doubts, doubts
from lmao.textcat.folds import HeldOut, Labels, Numbers

ERRORS, DOUBTFUL = "errors.csv", "doubtful.csv"
ROWS = 1000  # of a file: nobody reads more, and its size is bounded
CHARACTERS = 2000  # of a text

Texts = Mapping[int, Document]  # by their number among all documents
Row = list[str]


@dataclass(frozen=True)
class Review:
    """How many of so many texts for development were got wrong, and how many training labels probably are wrong, None
    where nothing was held out that could tell."""

    wrong: int
    examples: int
    doubtful: int | None

    def __str__(self) -> str:
        wrong = f"{ERRORS} ({self.wrong:,} of {self.examples:,} wrong)"
        if self.doubtful is None:
            return wrong
        return f"{wrong}   {DOUBTFUL} ({counted(self.doubtful, 'training label')} in doubt)"


def write_review(folder: Path, source: Source, data: Dataset, held_out: HeldOut | None) -> Review:
    """`errors.csv` and, where training labels were held out, `doubtful.csv`; predictions.npz gets its texts' places.

    The texts are read again: nothing has kept them.

    Raises:
        UserError: they are no longer what the run has learned from.
    """
    names, train = data.texts.corpus.label_names, data.splits.train
    saved = read_predictions(folder / "predictions.npz")
    wanted = [values for name, values in saved.items() if name.endswith("_documents")]
    doubtful = None if held_out is None else doubts(held_out)
    if doubtful is not None:
        wanted.append(train.documents[doubtful.places[:ROWS]])
    texts = read_again(source, data.texts.corpus, np.concatenate(wanted))
    scores, labels = saved["dev_scores"], saved["dev_labels"]
    write_sheet(
        folder / ERRORS,
        ["place", "gold", "predicted", "loss", "gold score", "predicted score", "text"],
        _errors(scores, labels, saved["dev_documents"], names, texts),
    )
    if doubtful is not None:
        write_sheet(
            folder / DOUBTFUL,
            ["place", "label", "perhaps", "label score", "perhaps score", "text"],
            _doubts(doubtful, train.labels, train.documents, names, texts),
        )
    places = {number: _place(number, texts) for number in texts}
    write_arrays(folder / "predictions.npz", saved | {
        name.replace("documents", "places"): np.array([places[number] for number in values.tolist()])
        for name, values in saved.items() if name.endswith("_documents")
    })  # fmt: skip
    wrong = int((scores.argmax(axis=1) != labels).sum())
    return Review(wrong, len(labels), None if doubtful is None else doubtful.count)


def _errors(scores: Floats, labels: Labels, documents: Numbers, names: Sequence[str], texts: Texts) -> Iterator[Row]:
    lost = losses(scores, labels)
    for i in np.argsort(-lost, kind="stable")[:ROWS]:
        predicted = scores[i].argmax()
        figures = [f"{figure:.3f}" for figure in (lost[i], scores[i, labels[i]], scores[i, predicted])]
        yield [_place(documents[i], texts), names[labels[i]], names[predicted], *figures, _text(documents[i], texts)]


def _doubts(found: Doubts, labels: Labels, documents: Numbers, names: Sequence[str], texts: Texts) -> Iterator[Row]:
    for i, at in enumerate(found.places[:ROWS]):
        figures = [f"{score:.3f}" for score in (found.own[i], found.other[i])]
        yield [
            _place(documents[at], texts), names[labels[at]], names[found.others[i]], *figures,
            _text(documents[at], texts),
        ]  # fmt: skip


def read_again(source: Source, corpus: Corpus, documents: Numbers) -> Texts:
    """These documents of the source.

    Raises:
        UserError: the files are no longer what they were when the corpus was made.
    """
    wanted, last = set(documents.tolist()), int(documents.max())
    found = {n: document for n, document in islice(enumerate(source.documents()), last + 1) if n in wanted}
    if source.fingerprint() != corpus.fingerprint:
        raise UserError("the files have changed since the run began")
    return found


def _place(number: int, texts: Texts) -> str:
    """As the user finds the text, or else its number among all documents."""
    return texts[int(number)].place or f"document {number}"


def _text(number: int, texts: Texts) -> str:
    return shortened(texts[int(number)].text, CHARACTERS)
