"""The reader of command lines and of a user's own YAML: `python train.py` itself, up to the run."""

import io
import logging
import os
import runpy
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis.strategies import SearchStrategy

from benchmarks.faults.inputs import YAML, Case, command_lines, damaged
from benchmarks.faults.judging import wrong_line
from benchmarks.faults.reader import Read
from lmao.cli import AWAY
from lmao.errors import UserError
from tests.support.processes import TRAIN


@contextmanager
def commands(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
    with _train(folder) as read:
        yield command_lines(), read


@contextmanager
def own_settings(folder: Path) -> Iterator[tuple[SearchStrategy[Case], Read]]:
    own = folder / "own" / "experiment"
    own.mkdir(parents=True)
    with _train(folder) as train:

        def read(case: Case) -> None:
            (own / "own.yaml").write_bytes(case.content)
            train(Case("", b"", {"arguments": [f"--config-dir={folder / 'own'}", "+experiment=own"]}))

        yield damaged(YAML).map(partial(Case, "own.yaml")), read


@contextmanager
def _train(folder: Path) -> Iterator[Read]:
    """`python train.py` up to the run itself, in this process: what it prints and its exit code are looked at."""
    from lmao.errors import AlreadyRun
    from lmao.run import experiment, unlabelled
    from lmao.sweep.trial import current_trial

    def known(*arguments: Any) -> None:
        current_trial().begin(Path.cwd(), None, "")
        raise AlreadyRun(0.5, "another/0")

    experiment.run = known  # type: ignore[assignment]
    unlabelled.encoder_alone = lambda *arguments: None  # type: ignore[assignment]
    os.environ["LMAO_CACHE"] = str(folder / "cache")
    place = folder / "place"

    def read(case: Case) -> None:
        logging.getLogger().handlers.clear()  # their file goes with the folder
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        os.chdir(place)
        sys.argv = [TRAIN, "debug=tiny", "hydra.sweeper.n_trials=1", *case.told["arguments"]]
        said = io.StringIO()
        with redirect_stderr(said), redirect_stdout(io.StringIO()):
            try:
                code: object = runpy.run_path(TRAIN, run_name="__main__")
            except SystemExit as ended:
                code = ended.code
        if code == 0:
            return
        lines = said.getvalue().splitlines()
        assert code in (2, AWAY) and lines and lines[-1].startswith("error: "), (
            f"exit code {code}: {said.getvalue()[-300:]}"
        )
        assert len(lines) == 1 and wrong_line(lines[0].removeprefix("error: ")) is None, said.getvalue()[-600:]
        assert "hunter2" not in said.getvalue(), "a password"
        raise UserError(lines[0])

    yield read
