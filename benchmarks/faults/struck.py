"""`python -m benchmarks.faults.struck K COUNT train.py …`: a command that is killed at its k-th file operation.

Where K is 0 it goes through, and how many there are is written into the file COUNT.
"""

import atexit
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

CHANGES = {  # Python's audit events of what changes a folder, or holds a lock
    "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.symlink", "os.truncate", "fcntl.flock",
    "sqlite3.connect",
}  # fmt: skip
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def strike(at: int, count: Path) -> None:
    """Install the hook; it stays for as long as the process does."""
    done = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal done
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES
        if event in CHANGES or opened:
            done += 1
            if done == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    if not at:
        atexit.register(lambda: count.write_text(str(done)))


if __name__ == "__main__":
    strike(int(sys.argv[1]), Path(sys.argv[2]))
    sys.argv[:] = sys.argv[3:]
    runpy.run_path(sys.argv[0], run_name="__main__")
