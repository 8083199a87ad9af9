"""What the stations of a run share: its settings, where it writes, and whom it tells."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from lmao.cache import Cache
from lmao.config.run import Config
from lmao.console import Console
from lmao.engine.team import Team
from lmao.run.unfinished import Parts
from lmao.stop import StopSignal
from lmao.tracking.tracker import Tracker
from lmao.tracking.trial import RunTrial


@dataclass(frozen=True)
class Context:
    settings: Config
    folder: Path
    console: Console
    stop: StopSignal
    cache: Cache
    tracker: Tracker
    team: Team
    trial: RunTrial
    parts: Parts  # that are kept where the run is stopped
    seconds: dict[str, float] = field(default_factory=dict)  # by stage
    scaled: Mapping[str, int] = field(default_factory=dict)  # settings that the corpus decided

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - began
