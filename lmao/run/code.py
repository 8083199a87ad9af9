"""Which code a run is of: a digest of the package's sources, and the commit that they were checked out from."""

import functools
import subprocess
from pathlib import Path

from lmao.cache import code_digest
from lmao.paths import PACKAGE, ROOT
from lmao.version import __version__


@functools.cache  # what this process has imported, though a file may change while it runs
def sources_digest() -> str:
    """Of all modules of the package: the same for a checkout, a wheel and a copy, with or without git."""
    return code_digest(PACKAGE)


def commit() -> str:
    """This checkout's commit for people to read, with "-dirty-" and the beginning of the digest where its modules have
    changed since; lmao's version with that beginning where git knows none."""
    digest = sources_digest()[:8]
    git = ["git", "-C", str(ROOT)]
    try:
        top, head = subprocess.run(
            [*git, "rev-parse", "--show-toplevel", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        if Path(top).resolve() != ROOT:
            return f"lmao {__version__} {digest}"
        status = [*git, "status", "--porcelain", "--", "lmao", "train.py"]
        changed = subprocess.run(status, capture_output=True, text=True, check=True).stdout
        return f"{head}-dirty-{digest}" if changed else head
    except (OSError, subprocess.CalledProcessError, ValueError):
        return f"lmao {__version__} {digest}"
