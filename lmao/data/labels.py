"""Labels as people write them: names come in, groups that are probably meant to be one label go out; and of scored
categories the best."""

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from lmao.errors import UserError

LISTED = 3
SEPARATOR = re.compile(r"[,;|#/]")
INVISIBLE = {"Cf", "Cc", "Zs", "Zl", "Zp"}  # Unicode's categories of format and control characters, and of spaces


def lookalikes(names: Sequence[str]) -> list[list[str]]:
    """The names that are the same but for case, accents' encoding (NFC, NFD), white space, characters that can't be
    seen, or how a number is written (1, 1.0), in groups of two or more."""
    groups = defaultdict(list)
    for name in names:
        groups[_plain(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]


def joined(names: Sequence[str]) -> list[str]:
    """The names that look like several labels in one field: taken apart at a comma or the like, all are labels."""
    known = set(names)
    parts = {name: [part.strip() for part in SEPARATOR.split(name)] for name in names}
    return [name for name, own in parts.items() if len(own) > 1 and set(own) <= known]


def best_category(place: str, cats: Mapping[str, Any]) -> str:
    """The category with the best score, as spaCy's `Doc.cats` has them.

    Raises:
        UserError: none has a score above 0, or several have the best.
    """
    if not cats:
        raise UserError(f"{place}: no category: documents without one belong in data.unlabelled_path")
    for label, score in cats.items():
        if not _finite(score):
            raise UserError(f"{place}: the score of category '{label}' is no number, but {score!r}")
    best = max(cats.values())
    labels = [label for label, score in cats.items() if score == best]
    listed = ", ".join(f"'{label}'" for label in labels[:LISTED]) + ", …" * (len(labels) > LISTED)
    if best <= 0:
        raise UserError(f"{place}: no category has a score above 0 ({listed}: {best:g})", advice="remove the document")
    if len(labels) > 1:
        raise UserError(f"{place}: no single highest category ({listed}: {best:g})", advice="each text has one label")
    return labels[0]


def _finite(score: Any) -> bool:
    try:
        return isinstance(score, (int, float)) and math.isfinite(score)
    except OverflowError:  # of an integer
        return False


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    seen = "".join(letter for letter in folded if unicodedata.category(letter) not in INVISIBLE)
    try:
        return repr(float(seen.replace(",", ".")))
    except ValueError:
        return seen
