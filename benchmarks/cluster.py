"""Workers that are killed all the time: what is left of a study, and what it cost. A table in results/cluster.md each.

python -m benchmarks.cluster slurm   an array of cluster/slurm/worker.sh: scontrol requeue, scancel --signal, SIGKILL
python -m benchmarks.cluster shell   cluster/worker.sh, begun again as often as it is killed; PostgreSQL may restart
python -m benchmarks.cluster idle    workers whose trials sleep: what the database costs
"""

import argparse
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import mean

import optuna
import sqlalchemy
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from lmao.paths import ROOT
from lmao.sweep.study import SharedStudy

TINY = ["debug=tiny", "sweep=random", "pretrain.seed=0", "space=finetuning"]
LIMIT = 4 * 3600  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("engine", choices=["slurm", "shell", "idle"])
    parser.add_argument("--storage", required=True, metavar="URL", help="an empty PostgreSQL database, for Optuna")
    parser.add_argument("--mlflow", metavar="URL", help="another one, for MLflow")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--kills", type=int, default=100, help="at most: none comes after the last trial")
    parser.add_argument("--every", type=float, default=10, help="seconds between two kills, on average")
    parser.add_argument("--restarts", type=int, default=0, help="of PostgreSQL")
    parser.add_argument("--postgres", type=Path, help="the folder that .ci/postgres start made, for --restarts")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.engine == "idle":
        print(idle(given.storage, given.workers, given.trials))
        return
    name = f"{given.engine}-{given.workers}-{given.trials}-{given.kills}-{given.seed}"
    settings = [
        *TINY, f"hydra.sweeper.n_trials={given.trials}", f"hydra.sweeper.storage={given.storage}",
        f"hydra.sweeper.study_name={name}", "tracking=mlflow", f"tracking.uri={given.mlflow}",
        f"tracking.experiment={name}", f"hydra.sweep.dir={os.getcwd()}/multirun",
    ]  # fmt: skip
    engine = (Slurm if given.engine == "slurm" else Shell)(given.workers, settings)
    chance = random.Random(given.seed)
    storage = optuna.storages.RDBStorage(given.storage, engine_kwargs={"pool_pre_ping": True})
    began, kills = time.monotonic(), Counter[str]()
    restarts = sorted(chance.uniform(0, given.kills * given.every) for _ in range(given.restarts))
    after, restarted = chance.expovariate(1 / given.every), 0
    while not engine.ended() and time.monotonic() - began < LIMIT:
        time.sleep(0.5)
        engine.fill()
        passed = time.monotonic() - began
        if sum(kills.values()) < given.kills and passed > after and not complete(storage, name, given.trials):
            kills[engine.kill(chance)] += 1
            kills.pop("", None)
            after = passed + chance.expovariate(1 / given.every)
        if restarts and passed > restarts[0]:
            restarts.pop(0)
            restarted += 1
            restart(given.postgres)
    print(row(given.engine, given.workers, storage, name, given.mlflow, kills, restarted, time.monotonic() - began))


def complete(storage: optuna.storages.RDBStorage, name: str, trials: int) -> bool:
    """Whether all of the budget is; not yet where the workers haven't made the study."""
    try:
        study = optuna.load_study(study_name=name, storage=storage)
        return len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])) >= trials
    except (KeyError, StorageInternalError, SQLAlchemyError):
        return False


def restart(folder: Path) -> None:
    """As an administrator does: connections are cut, and for some seconds nobody listens."""
    binary = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))[-1]
    command = [str(binary), "--pgdata", str(folder / "data"), "--mode", "fast"]
    become = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    subprocess.run([*become, *command, "stop", "--wait"], check=True, stdout=subprocess.DEVNULL, cwd="/")
    time.sleep(5)
    log = ["--log", str(folder / "log"), "--options", (folder / "data/postmaster.opts").read_text().split(" ", 1)[1]]
    options = log[-1].replace('"', "").strip()
    start = [*become, str(binary), "--pgdata", str(folder / "data"), *log[:-1], options, "start", "--wait"]
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, cwd="/")


def processes(*which: str) -> list[str]:
    return subprocess.run(["pgrep", *which], capture_output=True, text=True).stdout.split()


def killed(process: str) -> bool:
    with suppress(ProcessLookupError):
        os.kill(int(process), signal.SIGKILL)
        return True
    return False


class Shell:
    """Workers of a shell; one that is killed is started again."""

    def __init__(self, workers: int, settings: Sequence[str]) -> None:
        self._settings = settings
        self._log = open("workers.log", "a")  # noqa: SIM115
        self._workers = [self._start() for _ in range(workers)]
        self._codes: list[int] = []

    def _start(self) -> subprocess.Popen[bytes]:
        command = [str(ROOT / "cluster/worker.sh"), *self._settings]
        return subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def ended(self) -> bool:
        """Each one has found nothing left to do, or has an error."""
        return all(worker.poll() is not None and worker.poll() not in (137, 143, -9) for worker in self._workers)

    def fill(self) -> None:
        for place, worker in enumerate(self._workers):
            if worker.poll() in (137, 143, -9):
                self._workers[place] = self._start()

    def kill(self, chance: random.Random) -> str:
        """Returns: what was done; nothing where no training runs."""
        worker = chance.choice(self._workers)
        if worker.poll() is not None:
            return ""
        if chance.random() < 0.5:
            worker.terminate()
            return "SIGTERM"
        found = subprocess.run(
            ["pgrep", "-P", str(worker.pid), "-f", "train.py"], capture_output=True, text=True
        ).stdout
        return "SIGKILL" if sum(map(killed, found.split())) else ""


class Slurm:
    """An array of cluster/slurm/worker.sh."""

    def __init__(self, workers: int, settings: Sequence[str]) -> None:
        script = str(ROOT / "cluster/slurm/worker.sh")
        log = f"{os.getcwd()}/worker-%A_%a.log"
        command = ["sbatch", "--parsable", f"--array=1-{workers}", f"--chdir={ROOT}", f"--output={log}", script]
        self._job = self._run(*command, *settings).strip()

    def _run(self, *command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout

    def ended(self) -> bool:
        return not self._run("squeue", "--noheader", "--jobs", self._job).strip()

    def fill(self) -> None:
        """SLURM does it."""

    def kill(self, chance: random.Random) -> str:
        """Returns: what was done; nothing where no task runs."""
        command = ["squeue", "--noheader", "--states=RUNNING", "--array", "--format=%i", "--jobs", self._job]
        if not (running := self._run(*command).split()):
            return ""
        job = chance.choice(running)
        ways: list[tuple[str, Callable[[], object]]] = [
            ("scontrol requeue", partial(self._run, "scontrol", "requeue", job)),
            ("scancel --signal=TERM", partial(self._run, "scancel", "--batch", "--signal=TERM", job)),
            ("SIGKILL", partial(self._sigkill, job)),
        ]
        name, way = chance.choice(ways)
        way()
        return name

    def _sigkill(self, job: str) -> None:
        task = f"SLURM_ARRAY_TASK_ID={job.partition('_')[2]}"
        for process in processes("-f", "train.py --multirun"):
            with suppress(OSError):  # it has just ended
                if task in Path("/proc", process, "environ").read_text().split("\0"):
                    killed(process)


def row(
    engine: str, workers: int, storage: optuna.storages.RDBStorage, name: str, mlflow: str, kills: Counter[str],
    restarts: int, seconds: float,
) -> str:  # fmt: skip
    """A line of the table, with its head."""
    trials = optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
    replaced = {trial.user_attrs.get("replaces") for trial in trials}
    kept = [trial for trial in trials if trial.number not in replaced]
    states = Counter(trial.state for trial in kept)
    seeds = Counter(trial.user_attrs.get("seed") for trial in kept)
    spent = {
        trial.number: (trial.datetime_complete - trial.datetime_start).total_seconds()
        for trial in trials
        if trial.datetime_complete and trial.datetime_start
    }
    lost = sum(seconds for number, seconds in spent.items() if number in replaced)
    query = (
        "select r.status, count(*) from runs r join experiments e using (experiment_id) where e.name = :name group by 1"
    )
    database = sqlalchemy.create_engine(mlflow)
    with database.connect() as connection:
        runs = {status: number for status, number in connection.execute(sqlalchemy.text(query), {"name": name})}
    cells = {
        "engine": engine, "workers": workers, "trials finished": states[TrialState.COMPLETE],
        "killed": ", ".join(f"{number} {way}" for way, number in sorted(kills.items())) or 0,
        "PostgreSQL restarted": restarts, "begun again": len(replaced - {None}),
        "missing": states[TrialState.WAITING] + states[TrialState.FAIL],
        "doubled": sum(seeds.values()) - len(seeds),
        "RUNNING in Optuna": sum(trial.state == TrialState.RUNNING for trial in trials),
        "RUNNING in MLflow": runs.get("RUNNING", 0), "FINISHED in MLflow": runs.get("FINISHED", 0),
        "lost work": f"{lost / max(1, sum(spent.values())):.0%}",
        "minutes": f"{seconds / 60:.0f}", "trials an hour": f"{3600 * states[TrialState.COMPLETE] / seconds:.0f}",
    }  # fmt: skip
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in (cells, ["---"] * len(cells), cells.values()))


def idle(storage: str, workers: int, trials: int) -> str:
    """The time that a trial of one second costs beyond it, with so many workers on one study."""
    context = get_context("forkserver")
    context.set_forkserver_preload([SharedStudy.__module__])
    with tempfile.TemporaryDirectory() as folder, context.Pool(workers, maxtasksperchild=1) as pool:
        open_study(storage, Path(folder), trials).close()
        began = time.monotonic()
        found = pool.starmap(_sleep, [(storage, Path(folder), trials)] * workers, chunksize=1)
        passed = time.monotonic() - began
    claims, tells = ([second for one in found for second in one[kind]] for kind in (0, 1))
    return (
        f"| workers | trials | claim, s | tell, s | beyond the sleep | trials a second |\n|---|---|---|---|---|---|\n"
        f"| {workers} | {len(tells)} | {mean(claims):.3f} | {mean(tells):.3f} | "
        f"{(mean(claims) + mean(tells)) / (1 + mean(claims) + mean(tells)):.0%} | {len(tells) / passed:.1f} |"
    )


def open_study(storage: str, folder: Path, trials: int) -> SharedStudy:
    study = SharedStudy(storage, f"idle-{trials}-{folder.name}", folder, lambda place: optuna.samplers.RandomSampler())
    study.prepare({}, {}, trials, [])
    return study


def _sleep(storage: str, folder: Path, trials: int) -> tuple[list[float], list[float]]:
    claims: list[float] = []
    tells: list[float] = []

    def suggest(trial: optuna.Trial) -> None:
        trial.suggest_float("x", 0, 1)

    study = open_study(storage, folder, trials)
    while True:
        began = time.monotonic()
        claimed, _ = study.claim(1, suggest, own_seeds=True)
        if not claimed:
            study.close()
            return claims, tells
        claims.append(time.monotonic() - began)
        time.sleep(1)
        began = time.monotonic()
        study.tell(claimed[0], TrialState.COMPLETE, 0.5)
        tells.append(time.monotonic() - began)


if __name__ == "__main__":
    main()
