"""`python -m tests.support.unprivileged train.py …`: a command that files' permissions apply to, whoever starts it."""

import ctypes
import os
import runpy
import struct
import sys

VERSION = 0x20080522  # of the interface: see capset(2)


def give_up_capabilities() -> None:
    """Root's to read and write everything among them; Linux alone has them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(struct.pack("Ii", VERSION, 0), bytes(24)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    give_up_capabilities()
    sys.argv[:] = sys.argv[1:]
    if sys.argv[0].endswith(".py"):
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        sys.modules.pop(f"{sys.argv[0]}.__main__", None)  # imported beforehand, which runpy would warn of
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
