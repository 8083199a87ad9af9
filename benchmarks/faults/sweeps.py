"""A sweep whose workers are killed at random moments, on SQLite or PostgreSQL, ends as its promises say."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.engine import make_url

from benchmarks.faults.table import Row
from benchmarks.faults.tiny import write_texts
from lmao.paths import ROOT
from tests.support.processes import ProcessResult, RunningProcess
from tests.support.sweeps import Sweeps, kept

TRIALS, WORKERS, KILLS = 12, 4, 25  # of a study
LONGEST = 2.0  # seconds of work of its own, within which a worker is killed
RESTARTED = 5
POSTGRES = ROOT / ".ci" / "postgres"
STUDY = "s"
COMMAND = [
    "data=files", "data.path=texts.csv", "textcat=linear", "tracking=mlflow", "sweep=random",
    f"hydra.sweeper.study_name={STUDY}", "hydra.sweeper.max_losses=null", "hydra.sweeper.reuse=false",
]  # fmt: skip
TICK = os.sysconf("SC_CLK_TCK")


class Swept(Sweeps):
    """A study of n trials of a linear classifier of sixty texts, in its folder's databases or in the given ones."""

    def __init__(self, folder: Path, n: int, storage: str | None = None, tracking: str | None = None) -> None:
        folder.mkdir(parents=True)
        write_texts(folder / "texts.csv")
        super().__init__(folder, folder / "cache", storage)
        self.n = n
        self._tracking = tracking or f"sqlite:///{folder}/mlflow.db"

    def worker(self) -> RunningProcess:
        where = [f"hydra.sweeper.storage={self.storage}", f"tracking.uri={self._tracking}"]
        return self.start(*COMMAND, *where, f"hydra.sweeper.n_trials={self.n}")

    def wrong(self) -> list[str]:
        """Which promises don't hold, once the last worker has ended."""
        trials = self.trials(STUDY)
        counted = kept(trials)
        runs = _runs(self._tracking)
        found = []
        if sorted(trial.user_attrs.get("seed", -1) for trial in counted) != list(range(self.n)):
            found.append("not every place of the study has one trial that counts")
        found += [f"trial {trial.number} is {trial.state.name}" for trial in counted if trial.state != 1]
        found += [f"trial {t.number} is {t.state.name} and lost" for t in trials if t not in counted and t.state != 3]
        folders = [trial.user_attrs["folder"] for trial in trials if "folder" in trial.user_attrs]
        found += ["two trials have one folder"] * (len(set(folders)) != len(folders))
        parents = [run for run in runs if "trial" not in run]
        found += [f"the study's runs: {parents}"] * ([run["status"] for run in parents] != ["FINISHED"])
        for trial in trials:
            found += _differences(trial, [run for run in runs if run.get("trial") == str(trial.number)])
        left = [*self.folder.glob("multirun/s/.worker-*"), *self.folder.rglob(".model-*")]
        return found + [f"left behind: {path.name}" for path in left]


def sweeps(n: int | None, folder: Path) -> Iterator[Row]:
    """n: kills; 200 if None."""
    yield from _studies("SQLite", n or 200, lambda number: Swept(folder / f"sqlite-{number}", TRIALS), lambda: None)


def postgres(n: int | None, folder: Path) -> Iterator[Row]:
    """n: kills; 200 if None. A server of its own is begun, and at every fifth kill restarted, or killed and started."""
    count = 0

    def restart() -> None:
        nonlocal count
        count += 1
        if count % RESTARTED == 0:
            mode = ("fast", "immediate")[count // RESTARTED % 2]
            subprocess.run([POSTGRES, "restart", folder / "server", mode], check=True, capture_output=True)

    folder.mkdir(exist_ok=True)
    url = subprocess.run([POSTGRES, "start", folder / "server"], check=True, capture_output=True, text=True).stdout
    try:

        def made(what: str, number: int) -> Swept:
            urls = [_database(url.strip(), f"{use}_{number}") for use in ("optuna", "mlflow")]
            return Swept(folder / f"{what}-{number}", TRIALS, *urls)

        yield from _studies("PostgreSQL", n or 200, partial(made, "left-alone"), lambda: None)
        yield from _studies(
            f"PostgreSQL that is restarted at every {RESTARTED}th kill", n or 50, partial(made, "restarted"), restart
        )
    finally:
        subprocess.run([POSTGRES, "stop", folder / "server"], check=True, capture_output=True)


def _database(url: str, name: str) -> str:
    """The URL of a new one."""
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    name = f"{name}_{time.time_ns()}"
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"create database {name}"))
    engine.dispose()
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _studies(where: str, most: int, make: Callable[[int], Swept], after: Callable[[], None]) -> Iterator[Row]:
    """Studies until so many workers were killed; the row of those so far, after each. after: each kill."""
    kills, studies, failed = 0, 0, list[str]()
    while kills < most:
        place = make(studies)
        done, problems = disturbed(place, WORKERS, min(KILLS, most - kills), random.Random(studies), after)
        kills, studies = kills + done, studies + 1
        failed += [f"study {studies}: {', '.join(problems)}"] * bool(problems)
        yield Row(
            f"{WORKERS} workers on {where}, a random one killed within {LONGEST:g} s of its own work: each place of a "
            "study ends once; Optuna, MLflow and result.json agree; no folder twice, nothing left",
            kills, len(failed), "; ".join([f"studies of {TRIALS} trials: {studies}", *failed[:3]]),
        )  # fmt: skip


def disturbed(
    place: Swept, workers: int, most: int, drawn: random.Random, after: Callable[[], None]
) -> tuple[int, list[str]]:
    """Kill workers until the study has ended, `most` times at most. Returns: how many, and what is wrong then."""
    running = [place.worker() for _ in range(workers)]
    kills, wrong = 0, []
    while running:
        victim = drawn.choice(running) if kills < most else running[0]
        worked = drawn.uniform(0.1, LONGEST) if kills < most else float("inf")
        killed = False
        with suppress(ProcessLookupError, FileNotFoundError):  # it has just ended
            while victim.runs() and seconds_of(victim.pid) < worked:
                time.sleep(0.01)
            if victim.runs():
                victim.send_signal(signal.SIGKILL)
                killed = True
        if killed:
            kills += 1
            after()
            running.append(place.worker())
        running.remove(victim)
        wrong += _bad_end(victim.ended())
    wrong += _bad_end(place.worker().ended())  # sees to what the last kill left
    return kills, wrong + place.wrong()


def _bad_end(end: ProcessResult) -> list[str]:
    """One line and exit code 75 are the end of a worker that was beginning while the server was away."""
    away = end.code == 75 and end.errors.startswith("error: ") and end.errors.count("\n") == 1
    ended = (end.code in (0, -signal.SIGKILL) and not end.errors) or (away and "postgresql" in end.errors)
    return [] if ended else [f"a worker ended by {end.code}: {end.errors.strip().splitlines()[-1:]}"]


def seconds_of(pid: int) -> float:
    """Of work that a process has done."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _differences(trial: FrozenTrial, runs: Sequence[dict[str, Any]]) -> list[str]:
    """Between what Optuna, MLflow and the disk say of a trial; one that died early has no run."""
    told = [(run["status"], run.get("state")) for run in runs]
    if trial.state != TrialState.COMPLETE:
        wrong = len(told) > 1 or any(one != ("KILLED", "FAIL") for one in told)
        return [f"trial {trial.number} is FAIL, MLflow says {told}"] * wrong
    if told != [("FINISHED", "COMPLETE")]:
        return [f"trial {trial.number} is COMPLETE, MLflow says {told}"]
    result = json.loads((Path(trial.user_attrs["folder"]) / "result.json").read_bytes())
    values = {trial.values[0], result["dev_accuracy"], runs[0]["accuracy"]}
    own = result["mlflow_run_id"] == trial.user_attrs["mlflow_run_id"] == runs[0]["id"]
    return [f"trial {trial.number}: accuracies {values}, its run {own}"] * (len(values) > 1 or not own)


def _runs(url: str) -> list[dict[str, Any]]:
    """MLflow's: id, status, accuracy, and their tags."""
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:

        def rows(query: str) -> Sequence[Any]:
            return connection.execute(sqlalchemy.text(query)).all()

        runs = rows("select run_uuid, status from runs")
        tags = rows("select run_uuid, key, value from tags where key in ('trial', 'state')")
        accuracies = dict(
            map(tuple, rows("select run_uuid, value from latest_metrics where key = 'dev/best_accuracy'"))
        )
    engine.dispose()
    return [
        {"id": run, "status": status, "accuracy": accuracies.get(run)}
        | {key: value for owner, key, value in tags if owner == run}
        for run, status in runs
    ]
