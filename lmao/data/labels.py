"""Labels as people write them: names come in, groups that are probably meant to be one label go out."""

import unicodedata
from collections import defaultdict
from collections.abc import Sequence

INVISIBLE = {"Cf", "Cc", "Zs", "Zl", "Zp"}  # Unicode's categories of format and control characters, and of spaces


def lookalikes(names: Sequence[str]) -> list[list[str]]:
    """The names that are the same but for case, accents' encoding (NFC, NFD), white space, characters that can't be
    seen, or how a number is written (1, 1.0), in groups of two or more."""
    groups = defaultdict(list)
    for name in names:
        groups[_plain(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]


def _plain(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    seen = "".join(letter for letter in folded if unicodedata.category(letter) not in INVISIBLE)
    try:
        return repr(float(seen))
    except ValueError:
        return seen
