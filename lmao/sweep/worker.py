"""Whether a worker is alive: it locks a file of its own, and the system releases the lock however the process ends."""

import os
import re
import socket
import tempfile
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lmao.sweep.own_folder import writing
from lmao.sweep.records import TrialAttribute


class WorkerMark:
    """This process; its trials get `attributes`.

    Raises:
        Unavailable: the study's folder can't be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._prefix = f".worker-{re.sub(r'[^A-Za-z0-9]+', '-', socket.gethostname())}-"
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            handle, path = tempfile.mkstemp(prefix=self._prefix, dir=folder)
            os.close(handle)
            self._lock = FileLock(path)
            self._lock.acquire()
        self.attributes = {TrialAttribute.HOST: socket.gethostname(), TrialAttribute.WORKER: path}

    def is_mine(self, attributes: Mapping[str, Any]) -> bool:
        return attributes.get(TrialAttribute.WORKER) == self.attributes[TrialAttribute.WORKER]

    def is_dead(self, attributes: Mapping[str, Any]) -> bool:
        """Whether the worker with these attributes ran on this machine and is dead. If its file is missing, nothing is
        known: another machine may have the same name."""
        if self.is_mine(attributes) or attributes[TrialAttribute.HOST] != self.attributes[TrialAttribute.HOST]:
            return False
        return _is_locked(Path(attributes[TrialAttribute.WORKER])) is False

    def is_alive(self, attributes: Mapping[str, Any]) -> bool:
        """Whether the worker with these attributes runs on this machine and holds its lock."""
        return self.is_mine(attributes) or (
            attributes[TrialAttribute.HOST] == self.attributes[TrialAttribute.HOST]
            and _is_locked(Path(attributes[TrialAttribute.WORKER])) is True
        )

    def remove_dead(self, needed: Set[str | None]) -> None:
        """The files of this machine's dead workers, but for those that are needed: their trials are not seen to yet.
        Nobody begins meanwhile: a file that isn't locked yet looks the same."""
        for path in Path(self._lock.lock_file).parent.glob(f"{self._prefix}*"):
            if path != Path(self._lock.lock_file) and str(path) not in needed and _is_locked(path) is False:
                path.unlink(missing_ok=True)

    def release(self) -> None:
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def is_dead_here(host: str | None, worker: str | None) -> bool | None:
    """Whether the worker of a trial ran on this machine and is dead; None where this machine can't tell."""
    if worker is None or host != socket.gethostname():
        return None
    locked = _is_locked(Path(worker))
    return None if locked is None else not locked


def _is_locked(path: Path) -> bool | None:
    """None if there is no such file."""
    if not path.exists():
        return None
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
