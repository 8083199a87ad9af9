"""cluster/worker.sh, which every engine starts."""

import os
import shutil
import signal
import subprocess
import sys
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


def test_what_is_away_is_tried_again(tmp_path: Path) -> None:
    """Ten times, a minute apart: here by a `sleep` that only tells."""
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "cluster/worker.sh", tmp_path)
    (tmp_path / "train.py").write_text(
        "codes, slept = open('codes').read().split(), open('slept').read().split()\nexit(int(codes[len(slept)]))"
    )
    sleep = tmp_path / "bin/sleep"
    sleep.write_text(f"#!/bin/sh\necho $1 >> {tmp_path}/slept\n")
    sleep.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for codes, code, slept in (("75 75 0", 0, 2), ("75 2", 2, 1), ("75 " * 11, 75, 10)):
        (tmp_path / "codes").write_text(codes)
        (tmp_path / "slept").write_text("")
        done = subprocess.run([str(tmp_path / "worker.sh")], cwd=tmp_path, env=environment)
        assert (done.returncode, (tmp_path / "slept").read_text()) == (code, "60\n" * slept)


def test_a_stop_is_passed_on(session_cache: Path, mlflow_database: Path, tmp_path: Path) -> None:
    shutil.copy(mlflow_database, tmp_path)
    place = Sweeps(tmp_path, session_cache)
    study = "debug=tiny sweep=random space=none hydra.sweeper.study_name=s hydra.sweeper.n_trials=1"
    worker = begin(tmp_path, f"{study} pretrain.batch_words=20 pretrain.epochs=1000")
    while worker.poll() is None and "encode: " not in place.log("s", 0):
        time.sleep(0.1)
    worker.send_signal(signal.SIGTERM)
    _, errors = worker.communicate(timeout=60)
    assert (worker.returncode, errors) == (143, STOPPED)
    assert states(place.trials("s")) == [TrialState.FAIL, TrialState.WAITING]
