"""What Hydra's launchers keep and lose: a batch of two trials, of which one job is killed. For results/cluster.md.

python -m benchmarks.launchers joblib|ray|submitit [--address HOST:PORT]

A Ray cluster is given by its address; its processes are found on this machine alone.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
from optuna.trial import TrialState

from lmao import cli
from lmao.paths import ROOT

JOBS = {"joblib": "popen_loky", "ray": "ray::", "submitit": "submitit.core._submit"}  # in their processes' names
SETTINGS = [
    "debug=tiny", "sweep=random", "space=finetuning", "hydra.sweeper.n_jobs=2", "hydra.sweeper.n_trials=4",
    "pretrain.batch_words=20", "textcat.epochs=6", "textcat.patience=6", "hydra.sweeper.study_name=launched",
]  # fmt: skip


def main() -> None:
    parser = cli.Parser(prog="python -m benchmarks.launchers", description=__doc__)
    parser.add_argument("launcher", choices=list(JOBS))
    parser.add_argument("--address", default="auto", help="of a Ray cluster")
    parser.add_argument("--folder", type=Path, required=True, help="an empty one, for the study")
    given = parser.parse_args()
    own = {
        "joblib": ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"],
        "ray": ["hydra/launcher=ray", f"+hydra.launcher.ray.init.address={given.address}"],
        "submitit": ["hydra/launcher=submitit_local"],
    }[given.launcher]
    given.folder.mkdir(parents=True, exist_ok=True)
    folder = given.folder.absolute()
    settings = [*SETTINGS, *own, f"hydra.sweeper.storage=sqlite:///{folder}/optuna.db"]
    command = [sys.executable, str(ROOT / "train.py"), "--multirun", *settings]
    with open(folder / "log", "w") as log:
        sweep = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    logs = [folder / f"multirun/launched/{number}/train.log" for number in range(2)]
    while sweep.poll() is None and not all(log.exists() and "data: " in log.read_text() for log in logs):
        time.sleep(0.2)
    victim = min(map(int, _jobs(JOBS[given.launcher])), default=None)
    if victim is not None:
        os.kill(victim, signal.SIGKILL)
    code = sweep.wait()
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/optuna.db")
    trials = optuna.load_study(study_name="launched", storage=storage).get_trials(deepcopy=False)
    lost = sum("replaces" in trial.user_attrs for trial in trials)
    complete = sum(trial.state == TrialState.COMPLETE for trial in trials)
    print("| launcher | jobs killed | trials lost, of 2 in the batch | complete at the end, of 4 | exit code |")
    print("|---|---|---|---|---|")
    print(f"| {given.launcher} | {int(victim is not None)} | {lost} | {complete} | {code} |")


def _jobs(name: str) -> list[str]:
    """Those that train: they have a file of the study open."""
    found = subprocess.run(["pgrep", "-f", name], capture_output=True, text=True).stdout.split()
    return [pid for pid in found if "launched" in _files(pid)]


def _files(pid: str) -> str:
    """The files that a process has open."""
    try:
        return " ".join(os.readlink(link) for link in Path("/proc", pid, "fd").iterdir())
    except OSError:
        return ""


if __name__ == "__main__":
    main()
