"""N-grams are numbered exactly, whether they are counted by occurrence or by document."""

import itertools
from collections import Counter

import numpy as np
import pytest

from lmao.corpus.ngrams import Ids, Integers, Stretch, find_ngrams, frequent_ngrams, owners_of

LENGTHS = [0, 1, 2, 3, 30, 0, 25, 40]
WORDS = 6


def part(found: Ids, words: Ids, offsets: Integers, first: int, last: int) -> Stretch:
    """Of some neighbouring documents."""
    begin, end = offsets[first], offsets[last]
    return Stretch(found[begin:end], words[begin:end], offsets[first : last + 1] - begin)


@pytest.mark.parametrize("by_document", [False, True])
@pytest.mark.parametrize("n", [2, 3])
def test_the_frequent_ngrams_are_found_where_they_begin(n: int, by_document: bool) -> None:
    offsets = np.cumsum([0, *LENGTHS])
    words = np.random.default_rng(0).integers(-1, WORDS, offsets[-1]).astype(np.int32)  # -1: an unknown word
    ngrams: list[tuple[int, ...]] = [(word,) for word in range(WORDS)]
    found = words
    for length in range(2, n + 1):
        stretches = [part(found, words, offsets, a, b) for a, b in ((0, 3), (3, 3), (3, 8))]
        known = frequent_ngrams(stretches, length, (len(ngrams), WORDS), 2, by_document)
        firsts = np.repeat(np.arange(len(ngrams)), np.diff(known.begins))
        ngrams = [(*ngrams[first], int(last)) for first, last in zip(firsts, known.lasts, strict=True)]
        found = find_ngrams(found, words, offsets, length, known)

    texts = [words[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    each = [[tuple(text[i : i + n]) for i in range(len(text) - n + 1)] for text in texts]
    counts = Counter(ngram for inside in each for ngram in (set(inside) if by_document else inside))
    expected = sorted(ngram for ngram, count in counts.items() if count >= 2 and min(ngram) >= 0)
    assert ngrams == expected and expected
    numbers = {ngram: number for number, ngram in enumerate(expected)}
    assert found.tolist() == [
        numbers.get(tuple(text[i : i + n]), -1) for text in texts for i in range(len(text))
    ]  # cut short by the text's end, it is none of them


def test_tokens_are_owned_by_the_document_they_stand_in() -> None:
    assert owners_of(np.array([0, 2, 2, 3])).tolist() == [0, 0, 2]
