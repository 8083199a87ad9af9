"""Some documents of a corpus: its counts are those of these documents, and are computed once."""

import numpy as np

from lmao.corpus.corpus import Corpus
from lmao.corpus.selection import Selection


def test_words_and_types_are_counted_in_the_chosen_documents_alone_and_once(corpus: Corpus) -> None:
    numbers = np.array([5, 80, 81])
    texts = Selection(corpus, numbers)
    tokens = np.concatenate([corpus.document(int(number)) for number in numbers])
    np.testing.assert_array_equal(texts.counts, np.bincount(tokens, minlength=len(corpus.types)))
    assert texts.words == len(tokens)
    assert texts.counts is texts.counts


def test_no_document_has_no_words(corpus: Corpus) -> None:
    none = Selection(corpus, np.arange(0))
    assert none.words == 0 and not none.counts.any()


def test_the_digest_is_that_of_the_choice(corpus: Corpus) -> None:
    first, same, other = (Selection(corpus, np.array(numbers)).digest for numbers in ([1, 2], [1, 2], [1, 3]))
    assert first == same != other
