"""Where compiled loops are kept. numba's own places are beside the code and in the home folder; a container may have
neither: the code is another user's, HOME is / or unknown."""

import atexit
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"  # numba's


def place_of_compiled() -> str | None:
    """What the variable should be: in LMAO_CACHE, or in the folder for temporary files. None: leave it to numba."""
    if VARIABLE in os.environ or any(map(_may_be_written, _numbas_own())):
        return None
    if "LMAO_CACHE" in os.environ and _may_be_written(Path(os.environ["LMAO_CACHE"]).absolute()):
        return str(Path(os.environ["LMAO_CACHE"]).absolute() / "kernels")
    shared = Path(tempfile.gettempdir()) / f"lmao-kernels-{os.getuid()}"
    if _is_own(shared):
        return str(shared)
    alone = tempfile.mkdtemp(prefix="lmao-kernels-")
    atexit.register(shutil.rmtree, alone, ignore_errors=True)
    return alone


def _numbas_own() -> Iterator[Path]:
    yield Path(__file__).parent / "__pycache__"
    home = os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    if os.path.isabs(home):  # or numba makes a folder named ~
        yield Path(home) / "numba"


def _may_be_written(folder: Path) -> bool:
    while not folder.exists():
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _is_own(folder: Path) -> bool:
    """Whether nobody else can have put code into it; it is made if it is missing."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
