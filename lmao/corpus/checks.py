"""What would spoil a result: an encoded corpus and its splits come in, findings go out."""

from collections.abc import Iterator
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.corpus import Corpus
from lmao.corpus.scripts import misfit
from lmao.corpus.similar import near_copies
from lmao.data.findings import Finding
from lmao.data.labels import joined, lookalikes
from lmao.data.splits import Splits

FOREIGN, OWN = 0.15, 0.10  # shares of stop words: English texts have 0.4 of English ones, and 0.05 of German ones
ENOUGH = 200  # words, to tell a language by
# Languages in Latin letters whose stop words are told apart.
LATIN = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "pl", "cs", "ro", "hu", "tr", "id", "ca")
LONG, OF_MOST = 2000, 50  # words; times what 95 of 100 texts have
# Shares of a split that nearly repeat training texts: they raise an accuracy less than copies do, and some are normal
# (docstrings 0.6%, AG News 1.4%).
NOTABLE, SPOILING = 0.01, 0.05


def findings(corpus: Corpus, splits: Splits, language: str) -> list[Finding]:
    """All that is wrong, the worst first."""
    found = [
        *splits.findings,
        *_near_copies(corpus, splits),
        *_lookalikes(corpus),
        *_joined(corpus),
        *_contradictions(corpus),
        *_language(corpus, language),
        *_lengths(corpus),
    ]
    return sorted(found, key=lambda finding: not finding.spoils)


def lengths(corpus: Corpus) -> NDArray[np.int64]:
    """(documents,): how many tokens each has."""
    return np.diff(corpus.offsets)


def near_copies_within(corpus: Corpus, documents: NDArray[np.int64]) -> int:
    """How many of some documents nearly repeat another one of them, copies left out."""
    distinct = documents[np.unique(corpus.copies[documents], return_index=True)[1]]
    return int(near_copies(corpus, distinct, distinct).sum())


def _near_copies(corpus: Corpus, splits: Splits) -> Iterator[Finding]:
    """Texts of dev and test that are trained on in other words."""
    train = splits.train.documents
    others = {"dev": splits.dev} if splits.test is None else {"dev": splits.dev, "test": splits.test}
    for name, examples in others.items():
        copied = np.isin(corpus.copies[examples.documents], corpus.copies[train])  # told of already
        count = int((near_copies(corpus, examples.documents, train) & ~copied).sum())
        share = count / max(1, len(examples.documents))
        if count > 1 and share > NOTABLE:
            high = share > SPOILING
            yield Finding(
                f"{count:,} of the {len(examples.documents):,} texts of {name} nearly repeat a training text"
                + ": its accuracy may be too high" * high,
                spoils=high,
            )


def _lookalikes(corpus: Corpus) -> Iterator[Finding]:
    for names in lookalikes(corpus.label_names):
        listed = ", ".join(ascii(name) for name in names)
        yield Finding(f"the labels {listed} differ so little that they may be meant as one", spoils=True)


def _joined(corpus: Corpus) -> Iterator[Finding]:
    if found := joined(corpus.label_names):
        several = f" and {len(found) - 1:,} more look" if len(found) > 1 else " looks"
        yield Finding(f"the label '{found[0]}'{several} like several labels: each text has one")


def _contradictions(corpus: Corpus) -> Iterator[Finding]:
    """Copies of a text with different labels."""
    labelled = np.flatnonzero(corpus.labels >= 0)
    pairs = np.unique(np.stack([corpus.copies[labelled], corpus.labels[labelled]]), axis=1)
    several = int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())
    if several:
        what = "text has" if several == 1 else "texts have"
        yield Finding(f"{several:,} {what} one label in one place and another in another")


def _language(corpus: Corpus, language: str) -> Iterator[Finding]:
    if fault := misfit(corpus, language):
        yield Finding(fault, spoils=True)
    elif language in LATIN:
        words = corpus.word_counts * corpus.is_word
        shares = {language: _stop_words(corpus, words, language)}
        if words.sum() >= ENOUGH and shares[language] < OWN:
            shares |= {other: _stop_words(corpus, words, other) for other in LATIN}
            likely = max(shares, key=lambda name: shares[name])
            if shares[likely] >= FOREIGN and shares[likely] > 2 * shares[language]:
                yield Finding(
                    f"{shares[likely]:.0%} of the words are stop words of '{likely}', {shares[language]:.0%} of "
                    f"'{language}': set data.language={likely}"
                )


def _stop_words(corpus: Corpus, counts: NDArray[np.int64], language: str) -> float:
    """The share of the words that are a language's most frequent ones."""
    stop: set[str] = import_module(f"spacy.lang.{language}.stop_words").STOP_WORDS
    own = np.fromiter((word in stop for word in corpus.words), dtype=bool, count=len(corpus.words))
    return float(counts[own].sum() / max(1, counts.sum()))


def _lengths(corpus: Corpus) -> Iterator[Finding]:
    sizes = lengths(corpus)
    most, longest = np.quantile(sizes, 0.95), int(sizes.max())
    if longest > max(LONG, OF_MOST * most):
        yield Finding(
            f"the longest text has {longest:,} words, 95 of 100 have no more than {most:,.0f}: is it one text?"
        )
    is_word = corpus.is_word[corpus.type_words][corpus.tokens]
    without = len(sizes) - int(np.logical_or.reduceat(is_word, corpus.offsets[:-1][sizes > 0]).sum())
    if without:
        yield Finding(f"{without:,} {'text has' if without == 1 else 'texts have'} no letter and no digit")
