"""What the texts are written in: a corpus and data.language come in; a line goes out where the two don't fit."""

import unicodedata
from collections import Counter

from lmao.corpus.corpus import Corpus

MOST = 0.5  # of the letters: below this share the texts are mixed, and no script speaks for them
KANA = 0.05  # Chinese has none, Japanese a third and more

# Script -> the languages of spaCy that are written in it, the most spoken first. Latin, which most of them have, stands
# for all others.
LANGUAGES = {
    "Chinese": ("zh",),
    "Japanese": ("ja",),
    "Korean": ("ko",),
    "Thai": ("th",),
    "Arabic": ("ar", "fa", "ur"),
    "Hebrew": ("he",),
    "Cyrillic": ("ru", "uk", "bg", "sr", "mk", "ky", "tt"),
    "Greek": ("el", "grc"),
    "Devanagari": ("hi", "mr", "ne", "sa"),
    "Bengali": ("bn",),
    "Gujarati": ("gu",),
    "Tamil": ("ta",),
    "Telugu": ("te",),
    "Kannada": ("kn",),
    "Malayalam": ("ml",),
    "Sinhala": ("si",),
    "Armenian": ("hy",),
    "Ethiopic": ("am", "ti"),
}
BOTH = {"sr", "az", "tt", "ky"}  # are written in Latin, too
UNICODE = {"CJK": "Chinese", "HANGUL": "Korean"}  # where the first word of a letter's name is not the script's


def misfit(corpus: Corpus, language: str) -> str | None:
    """A warning if most letters are of a script that `language` is not written in: its tokenizer finds no words."""
    letters = Counter[str]()
    for word, count in zip(corpus.words, corpus.word_counts.tolist(), strict=True):
        if count and word[0].isalpha():
            letters[_script(word[0])] += count * len(word)
    kana = letters.pop("Hiragana", 0) + letters.pop("Katakana", 0)
    if kana > KANA * (kana + letters["Chinese"]):
        letters["Japanese"] = kana + letters.pop("Chinese", 0)
    if not letters or language == "xx":  # spaCy's name for "any language"
        return None
    script, most = letters.most_common(1)[0]
    if most <= MOST * letters.total():
        return None
    written = f"most of the texts are written in {script} letters"
    if script == "Latin" and language not in BOTH and any(language in known for known in LANGUAGES.values()):
        return f"{written}, but data.language is '{language}': set data.language"
    fitting = LANGUAGES.get(script, ())
    if not fitting or language in fitting:
        return None
    return f"{written}, but data.language is '{language}': set data.language={' or '.join(fitting[:3])}"


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "").partition(" ")[0]
    return UNICODE.get(name, name.capitalize())
