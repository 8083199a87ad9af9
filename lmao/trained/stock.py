"""A classifier's twin, made of stock spaCy parts: what a run chose comes in, layers go out."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.strings import StringStore
from thinc.api import NumpyOps

from lmao.corpus.selection import Selection
from lmao.encoder.stock import has_twin, open_tok2vec, to_stock, tok2vec_config
from lmao.textcat.ngram_weights import AgainstRest, Lexicon, NgramWeights
from lmao.textcat.strength import UNSEEN
from lmao.textcat.vector_weights import SubwordWeights
from lmao.trained.chosen import AnyArm, Chosen, EncoderWeights
from lmao.trained.stock_layers import (
    Layer,
    affine,
    at_length_1,
    chained,
    divided,
    filled,
    log_logistic,
    means,
    side_by_side,
    softmax,
    sums,
    with_root,
)

OFTEN = 0.05  # of the white space tokens of the texts

Keys = NDArray[np.uint64]


def has_twins(chosen: Chosen) -> bool:
    """Whether all of what was chosen can be made of stock parts."""
    return all(_has_twin(arm) for _, arm in chosen.shares)


def _has_twin(arm: AnyArm) -> bool:
    match arm:
        case NgramWeights(lexicon=lexicon):  # an n-gram is one of spaCy's, where it is asked whether it is there
            return arm.counting == "counts" or len(set(lexicon.rows.tolist())) == len(lexicon.rows)
        case EncoderWeights():
            return has_twin(arm.settings)
        case SubwordWeights():  # there is no end of the words that have a vector
            return False


def stock_layer(chosen: Chosen, spaces: Sequence[str], nlp: Language) -> Layer:
    """Texts of a pipeline, which has the table of vectors, to probabilities (texts, classes).

    One softmax sums the arms' logits times their weights, which is the arms' product.
    """
    classes = len(chosen.labels)
    arms = []
    for _, arm in chosen.shares:
        match arm:
            case NgramWeights():
                arms.append(_of_ngrams(arm, spaces))
            case EncoderWeights():
                arms.append(_of_encoder(arm, nlp))
    return chained(side_by_side(*arms), softmax(np.hstack([weight * np.eye(classes) for weight, _ in chosen.shares])))


def _of_encoder(arm: EncoderWeights, nlp: Language) -> Layer:
    """Texts to (texts, classes), of which a softmax is what `arm` says."""
    assert has_twin(arm.settings)
    config = tok2vec_config(arm.settings, nlp.vocab.vectors)
    tok2vec = open_tok2vec(config, nlp)
    to_stock(tok2vec, arm.weights)
    return chained(filled(config, tok2vec), means(), affine(arm.weights["softmax.W"], arm.weights["softmax.b"]))


def frequent_spaces(texts: Selection) -> list[str]:
    """The forms of white space that are often a token of the texts."""
    corpus = texts.corpus
    counts = np.bincount(corpus.type_words, texts.counts * corpus.type_is_space, len(corpus.words))
    often = np.flatnonzero(counts > OFTEN * max(1, counts.sum()))
    return [corpus.words[word] for word in often.tolist()]


def _of_ngrams(arm: NgramWeights, spaces: Sequence[str]) -> Layer:
    """Texts to (texts, classes), of which a softmax is what `arm` says.

    An n-gram is over words, and stock spaCy has white space among them. It is also found with one of `spaces` between
    its words, but not with two, or with others.
    """
    scores = affine(np.eye(len(arm.bias)), arm.bias)
    used, values, measured = np.ones(len(arm.weights), dtype=bool), arm.weights, arm.measure
    match arm.length:
        case "none":
            layers = [scores]
        case "sum":
            values = np.hstack([values, np.ones((len(values), 1), np.float32)])
            layers = [divided(len(arm.bias)), scores]
        case "root":
            assert measured is not None
            used = measured > 0
            if not used.any():  # vectors of no length: every text has the bias alone, and one n-gram stands for all
                used[0], values, measured = True, np.zeros_like(values), np.ones_like(measured)
            values = np.hstack([values, measured[:, None]])[used]
            least, most = float(measured[used].min()), float(measured.max())
            layers = [with_root(len(arm.bias), least, most), divided(len(arm.bias)), scores]
        case "projection":
            assert measured is not None
            used, values = np.ones(len(measured), dtype=bool), measured
            layers = [at_length_1(measured.shape[1]), affine(arm.weights.T, arm.bias)]
    numbers, longest = _numbers(arm.lexicon, used, spaces)
    rest = _with_first(arm.classes) if arm.rest is None else _against_rest(arm.rest, len(arm.bias), arm.classes)
    return chained(sums(numbers, values.astype(np.float32), longest, arm.counting), *layers, *rest)


def _with_first(classes: int) -> Sequence[Layer]:
    return [affine(np.array([[0.0], [1.0]]))] if classes == 2 else []


def _against_rest(rest: AgainstRest, regressions: int, classes: int) -> Sequence[Layer]:
    """From scores of the regressions."""
    if regressions == 1 and classes == 2:
        W = np.zeros((2, 1))
        W[rest.targets[1]] = 1 / rest.temperature
        return [affine(W)]
    both = [affine(np.array([[-1.0], [1.0]]))] if regressions == 1 else []
    W, b = np.zeros((classes, len(rest.targets))), np.full(classes, np.log(UNSEEN))
    W[list(rest.targets), np.arange(len(rest.targets))], b[list(rest.targets)] = 1, 0
    return [*both, log_logistic(len(rest.targets)), affine(W / rest.temperature, b / rest.temperature)]


def _numbers(lexicon: Lexicon, used: NDArray[np.bool_], spaces: Sequence[str]) -> tuple[dict[int, int], int]:
    """By the hash of each n-gram that is used its number among these, and how many tokens the longest has."""
    add = StringStore().add  # some words are symbols, which have hashes of their own
    place = np.cumsum(used) - 1
    words = np.array([add(word) for word in lexicon.words], dtype=np.uint64)
    found = {key: int(place[row]) for key, row in zip(words.tolist(), lexicon.rows.tolist(), strict=True) if used[row]}
    by_row = np.zeros(len(set(lexicon.rows.tolist())), dtype=np.uint64)
    by_row[lexicon.rows] = words
    grams, start = by_row[:, None], len(by_row)  # (n-grams of so many words, words) hashes
    for known in lexicon.longer:
        first = np.searchsorted(known.begins, np.arange(len(known)), side="right") - 1
        grams = np.hstack([grams[first], by_row[known.lasts][:, None]])
        numbers = np.where(used[start : start + len(known)], place[start : start + len(known)], -1).tolist()
        for keys in _hashes(grams, [add(space) for space in spaces]):
            found.update((key, number) for key, number in zip(keys.tolist(), numbers, strict=True) if number >= 0)
        start += len(known)
    longest = len(lexicon.longer) + 1
    return found, longest + bool(spaces and lexicon.longer)


def _hashes(grams: Keys, spaces: Sequence[int]) -> Iterator[Keys]:
    """(n-grams,) as `spacy.extract_ngrams.v1` has them, of words (n-grams, words): with a space in any place, and as
    they are, which comes last."""
    count, words = grams.shape
    for space in spaces:
        between = np.full((count, 1), space, dtype=np.uint64)
        for place in range(1, words):
            yield _hash(np.hstack([grams[:, :place], between, grams[:, place:]]))
    yield _hash(grams)


def _hash(grams: Keys) -> Keys:
    """(n-grams,)"""
    if not len(grams):
        return np.zeros(0, dtype=np.uint64)
    words = grams.shape[1]
    found: Keys = NumpyOps().ngrams(words, np.ascontiguousarray(grams).ravel())[::words]
    return found
