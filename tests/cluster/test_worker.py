"""cluster/worker.sh, which every engine starts."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from optuna.trial import TrialState

from lmao.paths import ROOT
from tests.support.processes import STOPPED
from tests.support.sweeps import Sweeps, states


def begin(folder: Path, study: str, *settings: str) -> subprocess.Popen[str]:
    command, environment = [str(ROOT / "cluster/worker.sh"), *settings], {**os.environ, "STUDY": study}
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_a_mistake_is_one_line_and_exit_code_2(session_cache: Path, tmp_path: Path) -> None:
    worker = begin(tmp_path, "debug=tiny encoder.embed_rows=[1,*]", "tracking=mlflow")
    output, errors = worker.communicate(timeout=120)
    assert (worker.returncode, output, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("error: encoder.embed_rows.1: ") and errors.endswith(", not *\n")


def test_a_stop_is_passed_on(session_cache: Path, mlflow_database: Path, tmp_path: Path) -> None:
    shutil.copy(mlflow_database, tmp_path)
    place = Sweeps(tmp_path, session_cache)
    study = "debug=tiny sweep=random space=none hydra.sweeper.study_name=s hydra.sweeper.n_trials=1"
    worker = begin(tmp_path, f"{study} pretrain.batch_words=20")
    while worker.poll() is None and "encode: " not in place.log("s", 0):
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    _, errors = worker.communicate(timeout=60)
    assert (worker.returncode, errors) == (143, STOPPED)
    assert states(place.trials("s")) == [TrialState.FAIL, TrialState.WAITING]
