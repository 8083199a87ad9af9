"""Token types and words are numbered in order of appearance: forms as spaCy's tokenizer gives them come in."""

Features = tuple[int, ...]  # hashes of a form's lower-cased form, prefix, suffix and shape


class Numbering:
    """Holds the vocabulary of some texts, not the texts.

    features: the types, each with its number; words: the lower-cased forms; type_words: the word of each type.
    """

    def __init__(self) -> None:
        self.features: dict[Features, int] = {}
        self.words: dict[str, int] = {}
        self.type_words: list[int] = []
        self._types: dict[int, int] = {}

    def add(self, form: int, features: Features, word: str) -> None:
        """A form, by its hash; one that is known stays what it is."""
        if form in self._types:
            return
        if features not in self.features:
            self.features[features] = len(self.features)
            self.type_words.append(self.words.setdefault(word, len(self.words)))
        self._types[form] = self.features[features]

    def __contains__(self, form: int) -> bool:
        return form in self._types

    def type_of(self, form: int) -> int:
        return self._types[form]
