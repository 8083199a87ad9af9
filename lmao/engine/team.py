"""Data-parallel threads: each has a share of the batch, a workspace and a gradient, summed in a fixed order."""

import itertools
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from lmao.engine.device import CPU, Device
from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats

MOST_WORDS = 10_000  # in a share

Share = TypeVar("Share")
Answer = TypeVar("Answer")


def available_threads() -> int:
    """The processors this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Blas:
    """BLAS' threads, which are the process's: one while anybody needs that, and after the last as many as before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._limits = threadpool_limits(limits=1)
            self._users += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._limits.restore_original_limits()


ONE_BLAS_THREAD = _Blas()


class Team:
    """`threads` workers. BLAS gets one thread: two batches side by side beat one product cut in two, and spin less."""

    def __init__(self, threads: int, device: Device = CPU) -> None:
        self.threads = threads
        self.device = device
        self.workspaces = [Workspace(device) for _ in range(threads)]
        self.executor = ThreadPoolExecutor(threads)

    def gradients(self, size: int) -> Floats:
        """(threads, size) zeros: a row for each worker."""
        zeros: Floats = self.device.xp.zeros((self.threads, size), dtype=np.float32)
        return zeros

    def map(self, work: Callable[[int, Share], Answer], shares: Sequence[Share]) -> list[Answer]:
        """work(member, share) for each share; the answers in order. A member does its shares one by one."""

        def own(member: int) -> list[Answer]:
            return [work(member, share) for share in shares[member :: self.threads]]

        if len(shares) == 1:
            return own(0)
        parts = list(self.executor.map(own, range(min(self.threads, len(shares)))))
        return [parts[i % self.threads][i // self.threads] for i in range(len(shares))]

    def __enter__(self) -> "Team":
        ONE_BLAS_THREAD.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.executor.shutdown()
        ONE_BLAS_THREAD.__exit__()


def shares(lengths: np.ndarray, parts: int) -> list[slice]:
    """Cut a batch of texts into at most `parts` shares of about the same number of words; none is empty.

    A batch of very many words is cut into more: a share needs some 15 KB a word at the default width and depth.
    """
    ends = np.cumsum(lengths)
    parts = _enough(parts, int(ends[-1]))
    cuts = np.searchsorted(ends, ends[-1] * np.arange(1, parts) / parts, side="left") + 1
    borders = [0, *sorted({int(cut) for cut in cuts if cut < len(lengths)}), len(lengths)]
    return [slice(a, b) for a, b in itertools.pairwise(borders)]


def even_shares(count: int, words: int, parts: int) -> list[slice]:
    """Cut `count` things that are spread evenly over a batch of `words` words, as `shares` cuts texts."""
    parts = min(count, _enough(parts, words))
    return [slice(count * i // parts, count * (i + 1) // parts) for i in range(parts)]


def _enough(parts: int, words: int) -> int:
    return max(parts, -(-words // MOST_WORDS))
