"""`python -m tests.support.struck K COUNT train.py …`: a command that is killed at its k-th file operation.

Where K is 0 it goes through, and how many there are is written into the file COUNT; where it is -1 it waits for strace.
"""

import atexit
import os
import runpy
import signal
import sys
import time
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


def wait_for_tracer() -> None:
    """Until another process follows this one's system calls."""
    while "TracerPid:\t0\n" in Path("/proc/self/status").read_text():
        time.sleep(0.01)


if __name__ == "__main__":
    if int(sys.argv[1]) < 0:
        wait_for_tracer()
    else:
        strike(int(sys.argv[1]), Path(sys.argv[2]))
    sys.argv[:] = sys.argv[3:]
    runpy.run_path(sys.argv[0], run_name="__main__")
