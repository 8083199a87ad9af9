"""Where things are."""

from pathlib import Path

from lmao.errors import UserError

ROOT = Path(__file__).resolve().parent.parent  # of the checkout
CONF = ROOT / "conf"


def expanded(name: str) -> Path:
    """A path as a user writes it: ~ is their home.

    Raises:
        UserError: nobody knows where that is.
    """
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise UserError(f"{name}: the home folder isn't known", advice="set HOME, or write the whole path") from None
