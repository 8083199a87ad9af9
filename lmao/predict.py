"""`python -m lmao.predict --model RUN texts.csv`: the label of each text, and how probable each label is."""

import csv
import json
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader, StringIO, TextIOWrapper
from pathlib import Path
from time import monotonic
from typing import TextIO, cast

from lmao import cli
from lmao.errors import UserError
from lmao.files import whole

ENDINGS = (".csv", ".jsonl")
Write = Callable[[int, str, str, list[float]], None]  # number from 1, text, label, scores


def main(arguments: Sequence[str] | None = None) -> int:
    parser = cli.Parser(prog="python -m lmao.predict", description="Classifies texts.")
    parser.add_argument(
        "texts", nargs="?", type=Path, help="any file that data=files reads; without one, stdin's lines"
    )
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="the folder of a run: outputs/…")
    parser.add_argument("--output", type=Path, metavar="FILE", help="a .csv or .jsonl; stdout, as CSV, by default")
    parser.add_argument("--text-column", default="text", metavar="NAME", help="of a table, text by default")
    given = parser.parse_args(arguments)
    return cli.main(lambda: predict(given.model, given.texts, given.output, given.text_column))


def predict(model: Path, path: Path | None, output: Path | None, text_column: str) -> None:
    """Classify the texts of a file, or stdin's lines, and write a row for each, in their order.

    Raises:
        UserError: there is no classifier, or it is damaged; a text can't be read, or the output not be written.
    """
    if output is not None and output.suffix.lower() not in ENDINGS:
        raise UserError(f"{output} ends neither in .csv nor in .jsonl", setting="--output")
    if output is not None and output.is_dir():
        raise UserError(f"{output} is a folder", setting="--output", advice="name a file in it")
    if output is not None and path is not None and output.exists() and path.exists() and output.samefile(path):
        raise UserError(f"{output} is the file that is read", setting="--output", advice="name another file")
    import rich.console

    from lmao.console import Console, counted
    from lmao.trained.loaded import load

    classifier = load(model)
    waiting: deque[str] = deque()  # read, and not yet written

    def texts() -> Iterator[str]:
        for text in _lines() if path is None else _file(path, text_column):
            waiting.append(text)
            yield text

    console, number = Console(rich.console.Console(stderr=True, highlight=False)), 0
    labels = classifier.classes_.tolist()
    write: Write | None = None
    with _opened(output) as file, console.stage("predict", unit="texts") as stage:
        for scores in classifier.stream(texts(), apart=True):
            if write is None:  # not before there is a row: a mistake leaves stdout empty
                write = _writer(file, labels, output is not None and output.suffix.lower() == ".jsonl")
            for best, row in zip(scores.argmax(axis=1), scores.tolist(), strict=True):
                number += 1
                write(number, waiting.popleft(), labels[best], [float(f"{score:.7g}") for score in row])
            stage.advance(len(scores))
        if not number:
            if path is not None:
                raise UserError(f"{path}: no text in it")
            raise UserError("no text in what was given", advice="name a file, or give texts on stdin, one a line")
        stage.done(f"{counted(number, 'text')} · {number / max(1e-9, monotonic() - stage.started):,.0f} texts/s")


def _file(path: Path, text_column: str) -> Iterator[str]:
    """As data=files reads data.unlabelled_path."""
    from lmao.data.files import read_texts

    for record in read_texts(path, text_column):
        yield record.text


def _lines() -> Iterator[str]:
    """Those of stdin, read as a .txt file is."""
    from lmao.data.plain_texts import stream_texts

    if sys.stdin is None:  # it was closed
        return
    for record in stream_texts(cast(BufferedReader, sys.stdin.buffer), Path("stdin")):
        yield record.text


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """The file, which appears whole or not at all; stdout where there is none."""
    if output is None:
        yield sys.stdout
        return
    try:
        with whole(output) as raw, TextIOWrapper(raw, "utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise UserError(f"{output} can't be written: {error.strerror or error}", setting="--output") from None


def _writer(file: TextIO, labels: Sequence[str], as_json: bool) -> Write:
    if as_json:

        def write_json(number: int, text: str, label: str, scores: list[float]) -> None:
            row = {"row": number, "text": text, "label": label, "scores": dict(zip(labels, scores, strict=True))}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

        return write_json

    def write_row(*cells: object) -> None:
        row = StringIO(newline="")
        csv.writer(row).writerow(cells)  # with a line's end of our own, it would leave a CR without quotes
        file.write(row.getvalue().removesuffix("\r\n") + "\n")

    write_row("row", "text", "label", *(f"score {label}" for label in labels))
    return lambda number, text, label, scores: write_row(number, text, label, *scores)


if __name__ == "__main__":
    sys.exit(main())
