"""Adam with averages over flat weights, thinc's formulas, one fused pass."""

from collections.abc import Collection
from concurrent.futures import Executor
from functools import cache

import numpy as np

from lmao.config.optimizer import AdamOptimizer
from lmao.config.pretrain import Pretrain
from lmao.engine.device import CPU, Device
from lmao.engine.parameters import Floats, Parameters

MAX_AVERAGE = 0.9999  # thinc's cap on the share of the average that stays


class Adam:
    """Kingma & Ba 2015, decoupled weight decay (Loshchilov & Hutter 2019), clipping of each array's gradient by its
    norm, and a running average of the weights that starts from the initial ones.

    beta1=0 means no momentum (thinc would switch to plain gradient descent).
    """

    def __init__(self, settings: AdamOptimizer, weights: Parameters, device: Device = CPU) -> None:
        self.settings = settings
        self.weights = weights = weights.like(device.to_device(weights.flat))
        self._kernels = device.kernels
        self.first: Floats = np.zeros_like(weights.flat)
        self.second: Floats = np.zeros_like(weights.flat)
        self.average: Floats = weights.flat.copy()
        self.steps = 0
        self._lists: dict[int, list[list[str]]] = {}
        self.missed = dict.fromkeys(weights.spans, 0)  # steps in which an array was left alone

    def step(self, gradients: Floats, rate: float, team: Executor, left_alone: Collection[str] = ()) -> None:
        """gradients (threads, size) are summed in order, applied with the learning rate, and set to zero.

        left_alone: arrays that don't change, as if there had been no step; their gradients must be zero.
        """
        self.steps += 1
        s = self.settings
        constants = [np.float32(value) for value in (s.beta1, s.beta2, s.eps, 1 - rate * s.L2, s.grad_clip)]
        spans = self.weights.spans

        @cache
        def scalars(steps: int) -> tuple[float, float]:
            corrected = rate * (1 - s.beta2**steps) ** 0.5 / (1 - s.beta1**steps)
            return corrected, min(MAX_AVERAGE, (1 + steps) / (10 + steps))

        def update(names: list[str]) -> None:
            names = [name for name in names if name not in left_alone]
            borders = np.array([(spans[name].start, spans[name].stop) for name in names], dtype=np.int64).reshape(-1, 2)
            own = [scalars(self.steps - self.missed[name]) for name in names]
            rates, keeps = np.array(own, dtype=np.float32).reshape(-1, 2).T.copy()
            starts, stops = borders.T.copy()
            self._kernels.adam_arrays(
                self.weights.flat, gradients, self.first, self.second, self.average,
                starts, stops, rates, keeps, *constants,
            )  # fmt: skip

        for name in left_alone:
            self.missed[name] += 1
        list(team.map(update, self._balanced(len(gradients))))

    def _balanced(self, count: int) -> list[list[str]]:
        """The arrays in `count` lists of about the same size: the largest first, each to the shortest list."""
        if count in self._lists:
            return self._lists[count]
        lists: list[list[str]] = [[] for _ in range(count)]
        sizes = [0] * count
        for name, span in sorted(self.weights.spans.items(), key=lambda item: item[1].start - item[1].stop):
            shortest = sizes.index(min(sizes))
            lists[shortest].append(name)
            sizes[shortest] += span.stop - span.start
        self._lists[count] = lists
        return lists

    def arrays(self) -> dict[str, Floats]:
        """Its state except `steps`: the arrays themselves, not copies."""
        return {"weights": self.weights.flat, "first": self.first, "second": self.second, "average": self.average}

    def averages(self) -> Parameters:
        """A copy of the averaged weights."""
        return self.weights.like(self.average.copy())


def learning_rate(settings: Pretrain, steps: int) -> float:
    """The rate after `steps` steps: linear warm-up, then constant or falling with the root of the steps done."""
    done = steps + 1
    rate = settings.learn_rate
    if done < settings.warmup_steps:
        return rate * done / settings.warmup_steps
    if settings.schedule == "inverse_sqrt":
        return float(rate * (max(settings.warmup_steps, 1) / done) ** 0.5)
    return rate
