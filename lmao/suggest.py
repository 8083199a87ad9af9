"""`python -m lmao.suggest --model RUN raw.txt`: which texts to label next, as a table with a column to fill in."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from lmao import cli
from lmao.errors import UserError
from lmao.paths import expanded

OUTPUT = "suggested.csv"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = cli.Parser(prog="python -m lmao.suggest", description="Which texts to label next.")
    parser.add_argument("texts", nargs="+", type=Path, help="files or folders of texts, as data.unlabelled_path")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="the folder of a run: outputs/…")
    parser.add_argument("--n", default=20, type=int, help="how many texts, 20 by default")
    parser.add_argument(
        "--labelled", nargs="+", default=[], type=Path, metavar="FILE", help="files whose texts are labelled already"
    )
    parser.add_argument("--output", default=Path(OUTPUT), type=Path, metavar="FILE", help=f"{OUTPUT} by default")
    parser.add_argument("--text-column", default="text", help="of tables: text by default")
    parser.add_argument("--seed", default=0, type=int, help="half of the texts are drawn by it")
    given = parser.parse_args(arguments)
    return cli.main(
        lambda: suggest(given.model, given.texts, given.n, given.labelled, given.output, given.text_column, given.seed)
    )


def suggest(
    run: Path, paths: Sequence[Path], n: int, labelled: Sequence[Path], output: Path, text_column: str, seed: int
) -> None:
    """Write n texts into `output`, with an empty label each, and say so.

    Raises:
        UserError: the run has no classifier, a file can't be read, no text is left, or `output` is there.
    """
    if n < 1:
        raise UserError(f"--n {n}", advice="give 1 or more")
    if seed < 0:
        raise UserError(f"--seed {seed}", advice="give 0 or more")
    if output.suffix.lower() != ".csv":
        raise UserError(f"{output} does not end in .csv", setting="--output")
    if output.exists():
        raise UserError(f"{output} is there", setting="--output", advice="its labels would be lost: name another file")
    if not output.absolute().parent.is_dir():
        raise UserError(f"there is no folder {output.parent}", setting="--output")
    from lmao.console import Console  # the heavy imports come last, so that a mistake is answered at once
    from lmao.sheets import write_sheet
    from lmao.trained.loaded import load
    from lmao.trained.suggesting import suggestions

    known = {text for _, text in _read(labelled, text_column)}
    places: dict[str, str] = {}
    for place, text in _read(paths, text_column):
        if text not in known:
            places.setdefault(text, place)
    if not places:
        raise UserError("no text is left that has no label yet")
    texts, classifier, console = list(places), load(run), Console()
    with console.stage("suggest", total=len(texts), unit="texts") as stage:
        found = suggestions(classifier, texts, n, seed, stage.advance)
        stage.done(f"{len(found):,} of {len(texts):,} texts")
    rows = [[texts[one.place], "", one.label, f"{one.score:.3f}", places[texts[one.place]]] for one in found]
    write_sheet(output, ["text", "label", "perhaps", "score", "place"], rows)
    console.line("label", f"fill in the column label of {output}, then add its rows to the labelled texts")


def _read(paths: Sequence[Path], text_column: str) -> Iterator[tuple[str, str]]:
    """Each text with its place before it."""
    from lmao.data.files import read_texts

    for path in paths:
        for record in read_texts(expanded(str(path)), text_column):
            if record.text:
                yield record.place, record.text


if __name__ == "__main__":
    sys.exit(main())
