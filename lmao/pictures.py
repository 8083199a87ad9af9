"""Pictures that take any name, stay within bounds, and never cost the work that they show its result."""

import io
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import matplotlib
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, fontManager, get_font

LONGEST = 24  # letters of a name
MOST_PIXELS = 4_000_000  # of a picture: drawing one takes some forty bytes each
FALLBACKS = (
    "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans", "Arial Unicode MS",
)  # fmt: skip
INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Cn"}  # Unicode's categories of characters that can't be seen

Drawn = TypeVar("Drawn")


def attempt(draw: Callable[[], Drawn], name: str, warn: Callable[[str], None]) -> Drawn | None:
    """What was drawn, or None and a warning: no picture is worth the run that it is of."""
    try:
        return draw()
    except Exception as error:
        reason = str(error).partition("\n")[0]
        warn(f"{name} could not be drawn: {type(error).__name__}{': ' if reason else ''}{reason}")
        return None


def fonts() -> Sequence[str]:
    """matplotlib's own font, and installed ones for the letters that it has not."""
    installed = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in FALLBACKS if name in installed)]


def shown(names: Sequence[str], longest: int = LONGEST) -> list[str]:
    """Names as a picture can have them: of one line, not too long, with no formula in them. One that no font has the
    letters of, or that looks empty, is `#` and its number in the list; so is added what tells two from each other."""
    known = {letter for font in fonts() for letter in get_font(findfont(font)).get_charmap()}
    short = [_short(name, longest) if _is_drawable(name, known) else "" for name in names]
    counts = Counter(short)
    numbered = [name if counts[name] == 1 else f"{name} #{i}".lstrip() for i, name in enumerate(short)]
    return [literal(name or f"#{i}") for i, name in enumerate(numbered)]


def literal(text: str) -> str:
    """A text that matplotlib draws as it stands: $ begins no formula, _ at the front hides nothing."""
    escaped = text.replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped


def content(figure: Figure, kind: str = "png", dpi: float = 150, **options: Any) -> bytes:
    """The file's bytes; a figure that is large has fewer dots an inch."""
    width, height = figure.get_size_inches()
    written = io.BytesIO()
    with matplotlib.rc_context({"font.family": list(fonts())}):
        figure.savefig(written, format=kind, dpi=min(dpi, (MOST_PIXELS / (width * height)) ** 0.5), **options)
    return written.getvalue()


def _visible(name: str) -> str:
    spaced = " ".join(name.split())
    return "".join(letter for letter in spaced if unicodedata.category(letter) not in INVISIBLE)


def _is_drawable(name: str, known: set[int]) -> bool:
    return bool(_visible(name).strip()) and all(ord(letter) in known for letter in _visible(name))


def _short(name: str, longest: int) -> str:
    """Cut in the middle: what differs stands as often at the end of a name as at its beginning."""
    text = _visible(name)
    end = longest // 3
    return text if len(text) <= longest else f"{text[: longest - end - 1]}…{text[-end:]}"
