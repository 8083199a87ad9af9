"""New texts to token types, fast: what stands between white space is tokenized once, however often it comes."""

import re
from collections.abc import Sequence
from itertools import pairwise
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao.corpus.corpus import Corpus, unlabelled
from lmao.corpus.numbering import Numbering
from lmao.corpus.tokens import doc_of, open_tokenizer

PIECE = re.compile(r"\S+ ?|\s+")  # spaCy's own borders: a single space after a word belongs to it
BORDER = "\n"  # a token that is in no special case of several
MOST_PIECES = 1_000_000  # memory: some 200 MB
Forms = NDArray[np.uint64]


class TextReader:
    """Reads texts as spaCy's tokenizer of a language does; called with texts it returns their corpus.

    spaCy cuts a text at white space, and each piece by itself. After that it looks for special cases (`:-)`, `a.m.`) in
    the tokens, over the pieces' borders too: a text where the tokens on both sides of a border may stand side by side
    in some special case goes through spaCy as a whole. So does every text of a language with a tokenizer of its own.

    Several threads may call it: one at a time, the others wait.
    """

    def __init__(self, language: str) -> None:
        self._language = language
        self._lock = Lock()
        self._open()

    def __call__(self, texts: Sequence[str]) -> Corpus:
        with self._lock:
            try:
                if len(self._pieces) > MOST_PIECES:
                    self._open()
                return self._read(texts)
            except BaseException:  # Ctrl-C in a notebook, too: what is half learned would be read wrongly from then on
                self._open()
                raise

    def _read(self, texts: Sequence[str]) -> Corpus:
        parts = self._in_pieces(texts) if self._cuts else [self._whole(text) for text in texts]
        lengths = np.array([len(part) for part in parts], dtype=np.int64)
        tokens = np.concatenate([*parts, np.zeros(0, np.int32)])
        used = np.zeros(len(self._numbering.type_words), dtype=bool)
        used[tokens] = True
        return self._corpus((np.cumsum(used, dtype=np.int32) - 1)[tokens], lengths, np.flatnonzero(used))

    def _open(self) -> None:
        """With nothing read yet."""
        from spacy.tokenizer import Tokenizer

        self._tokenizer = open_tokenizer(self._language)
        self._numbering = Numbering()
        self._features = np.zeros((0, 4), dtype=np.uint64)  # (types, 4)
        self._words: list[str] = []
        self._cuts = type(self._tokenizer) is Tokenizer
        self._pairs = _neighbours(self._tokenizer) if self._cuts else set()
        self._before = np.array([before for before, _ in self._pairs], dtype=np.uint64)
        self._after = np.array([after for _, after in self._pairs], dtype=np.uint64)
        self._pieces: dict[str, int] = {}
        self._tokens = np.zeros(0, dtype=np.int32)  # types of all pieces, one after the other
        self._begins = np.zeros(1, dtype=np.int64)  # (pieces + 1,)
        self._outer = np.zeros((0, 2), dtype=np.uint64)  # (pieces, 2) first and last form
        self._touches = np.zeros((0, 2), dtype=bool)  # (pieces, 2) whether these are in `_after` and `_before`

    def _in_pieces(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The types of each text."""
        flat: list[str] = []
        ends = [0]
        for text in texts:
            flat += PIECE.findall(text)
            ends.append(len(flat))
        self._learn(sorted(set(flat) - self._pieces.keys()))
        ids = np.fromiter(map(self._pieces.__getitem__, flat), np.int64, len(flat))
        lengths = self._begins[ids + 1] - self._begins[ids]
        borders = np.concatenate([[0], np.cumsum(lengths)])
        places = np.repeat(self._begins[ids] - borders[:-1], lengths) + np.arange(borders[-1])
        parts = np.split(self._tokens[places], borders[ends[1:-1]]) if len(texts) else []
        for number in self._over_borders(ids, np.array(ends)):
            parts[number] = self._whole(texts[number])
        return parts

    def _over_borders(self, ids: NDArray[np.int64], ends: NDArray[np.int64]) -> list[int]:
        """The texts with a special case that may lie over a border of two pieces."""
        suspects = np.flatnonzero(self._touches[ids[:-1], 1] & self._touches[ids[1:], 0])
        pairs = zip(self._outer[ids[suspects], 1].tolist(), self._outer[ids[suspects + 1], 0].tolist(), strict=True)
        found = suspects[[pair in self._pairs for pair in pairs]]
        owners = np.searchsorted(ends, found, side="right") - 1
        return list(map(int, np.unique(owners[found + 1 < ends[owners + 1]])))

    def _learn(self, pieces: list[str]) -> None:
        """Tokenize new pieces, those that are words all at once."""
        from spacy.attrs import ORTH

        words = [piece.rstrip(" ") for piece in pieces if not piece.isspace()]
        spaces = [piece for piece in pieces if piece.isspace()]
        doc = self._tokenizer(BORDER.join([*words, ""]))
        found = doc.to_array(ORTH) if words else np.zeros(0, dtype=np.uint64)
        ends = np.flatnonzero(found == doc.vocab.strings[BORDER])
        docs = [found[a + 1 : b] for a, b in pairwise([-1, *ends])]
        docs += [self._forms(piece) for piece in spaces]
        for piece in [piece for piece in pieces if not piece.isspace()] + spaces:
            self._pieces[piece] = len(self._pieces)
        forms = np.concatenate([*docs, np.zeros(0, dtype=np.uint64)])
        self._tokens = np.concatenate([self._tokens, self._types(forms)])
        lengths = np.array([len(one) for one in docs], dtype=np.int64)
        self._begins = np.concatenate([self._begins, self._begins[-1] + np.cumsum(lengths)])
        outer = np.array([(one[0], one[-1]) for one in docs], dtype=np.uint64).reshape(-1, 2)
        touches = np.stack([np.isin(outer[:, 0], self._after), np.isin(outer[:, 1], self._before)], axis=1)
        self._outer, self._touches = np.concatenate([self._outer, outer]), np.concatenate([self._touches, touches])

    def _whole(self, text: str) -> NDArray[np.int32]:
        return self._types(self._forms(text))

    def _forms(self, text: str) -> Forms:
        from spacy.attrs import ORTH

        forms: Forms = doc_of(self._tokenizer, text).to_array(ORTH)
        return forms

    def _types(self, forms: Forms) -> NDArray[np.int32]:
        distinct, places = np.unique(forms, return_inverse=True)
        number = self._numbering
        for form in distinct.tolist():
            if form not in number:
                lexeme = self._tokenizer.vocab[form]
                features = (lexeme.lower, lexeme.prefix, lexeme.suffix, lexeme.shape)
                number.add(form, features, lexeme.lower_)
        types = np.array([number.type_of(form) for form in distinct.tolist()], dtype=np.int32)
        return types[places]

    def _corpus(self, tokens: NDArray[np.int32], lengths: NDArray[np.int64], used: NDArray[np.int64]) -> Corpus:
        """Of tokens that are places among the used types."""
        number = self._numbering
        new = list(number.features)[len(self._features) :]
        self._features = np.concatenate([self._features, np.array(new, dtype=np.uint64).reshape(-1, 4)])
        self._words += list(number.words)[len(self._words) :]
        words, type_words = np.unique(np.array(number.type_words, dtype=np.int32)[used], return_inverse=True)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        listed = [self._words[word] for word in words]
        return unlabelled(tokens, offsets, self._features[used], type_words.astype(np.int32), listed)


_readers: dict[str, TextReader] = {}  # of a process that reads for another


def read_texts(language: str, texts: list[str]) -> Corpus:
    """Read by this process' own reader, which remembers the pieces that it has met."""
    if language not in _readers:
        _readers[language] = TextReader(language)
    return _readers[language](texts)


def _neighbours(tokenizer: Any) -> set[tuple[int, int]]:
    """Forms that stand side by side in a special case before it is made one, which is what spaCy looks for in a text;
    and forms that were made of such."""
    from spacy.attrs import ORTH
    from spacy.tokenizer import Tokenizer

    bare = Tokenizer(
        tokenizer.vocab, rules=None, prefix_search=tokenizer.prefix_search, suffix_search=tokenizer.suffix_search,
        infix_finditer=tokenizer.infix_finditer, token_match=tokenizer.token_match, url_match=tokenizer.url_match,
    )  # fmt: skip
    pairs: set[tuple[int, int]] = set()
    begin_with: dict[int, set[int]] = {}  # form -> what it may have become at the beginning of a piece
    end_with: dict[int, set[int]] = {}
    for case in tokenizer.rules or {}:
        parts, made = (one(case).to_array(ORTH).tolist() for one in (bare, tokenizer))
        pairs.update(pairwise(parts))
        begin_with.setdefault(parts[0], {parts[0]}).add(made[0])
        end_with.setdefault(parts[-1], {parts[-1]}).add(made[-1])
    return {
        (last, first)
        for before, after in pairs
        for last in end_with.get(before, {before})
        for first in begin_with.get(after, {after})
    }
