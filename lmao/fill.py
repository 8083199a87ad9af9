"""`python -m lmao.fill --model RUN "The film was [MASK] ."`: the words that a run's language model would put there."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from lmao import cli
from lmao.errors import UserError

MASK = "[MASK]"  # as in lmao.corpus.encoding, which --help need not wait for


def main(arguments: Sequence[str] | None = None) -> int:
    parser = cli.Parser(prog="python -m lmao.fill", description=f"The nearest words for each {MASK}.")
    parser.add_argument("sentences", nargs="*", help=f"with {MASK} in them; without any they are read from stdin")
    parser.add_argument("--model", required=True, type=Path, metavar="RUN", help="the folder of a run: outputs/…")
    parser.add_argument("--top", default=10, type=int, metavar="K", help="how many words, 10 by default")
    given = parser.parse_args(arguments)
    return cli.main(lambda: fill(given.model, given.sentences, given.top))


def fill(run: Path, sentences: Sequence[str], top: int) -> None:
    """Print each sentence, and below it a line for each [MASK]: the nearest words with their cosines.

    Raises:
        UserError: the run has no language model, or a sentence no [MASK].
    """
    from lmao.pretrain.language_model import LanguageModel

    if top < 1:
        raise UserError(f"--top {top}", advice="give 1 or more")
    model: LanguageModel | None = None
    for sentence in sentences or _lines():
        if MASK not in sentence:
            raise UserError(f"no {MASK} in '{sentence}'", advice=f"write {MASK} in the place of a word")
        model = model or LanguageModel(run)
        print(sentence)
        for completion in model.fill(sentence, top):
            found = [f"{word} {cosine:.3f}" for word, cosine in zip(completion.words, completion.cosines, strict=True)]
            print(f"    {' · '.join(found)}", flush=True)


def _lines() -> Iterator[str]:
    """The lines of stdin that are not empty.

    Raises:
        UserError: there are none.
    """
    empty = True
    for line in sys.stdin:
        if line.strip():
            empty = False
            yield line.strip()
    if empty:
        raise UserError("no sentence", advice=f'give one, "The film was {MASK} .", as an argument or on stdin')


if __name__ == "__main__":
    sys.exit(main())
