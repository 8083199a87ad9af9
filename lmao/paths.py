"""Where things are."""

from pathlib import Path

from lmao.errors import UserError

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent  # of the checkout
CONF = PACKAGE / "conf"  # a link to the checkout's, and a copy of it where lmao is installed


def from_here(path: Path) -> Path:
    """The path as it is typed here: relative where it is below the current folder."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # it is gone
        return path
    return path.relative_to(here) if path.is_relative_to(here) else path


def expanded(name: str, setting: str | None = None, advice: str = "set HOME, or write the whole path") -> Path:
    """A path as a user writes it: ~ is their home.

    Raises:
        UserError: nobody knows where that is.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise UserError(f"{name}: the home folder isn't known", setting=setting, advice=advice) from None
