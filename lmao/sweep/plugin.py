"""The plugin that Hydra finds by its entry point. Every command imports this module, so it imports next to nothing."""

from typing import TYPE_CHECKING, Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from lmao.sweep.sweeper import StudySweep


class StudySweeper(Sweeper):
    """`hydra/sweeper=lmao`; its settings are in conf/hydra/sweeper/lmao.yaml."""

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self._sweep: StudySweep | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        from lmao.sweep.sweeper import StudySweep

        self._sweep = StudySweep(**self._settings)
        self._sweep.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments: list[str]) -> None:
        assert self._sweep is not None
        self._sweep.sweep(arguments)
