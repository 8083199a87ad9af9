"""A run that is killed, is stopped, diverges or meets a full disk says so; the next one resumes as if nothing was."""

import json
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.processes import STOPPED, Place, ProcessResult
from tests.support.recipes import WORDS

# Small steps, so that there is time to hit one; three epochs, so that one can stop before, in and after any.
COMMAND = ["debug=tiny", "threads=1", "pretrain.epochs=3", "pretrain.batch_words=40"]
OFTEN, NEVER = "pretrain.save_minutes=0.001", "pretrain.save_minutes=60"


class Workplace(Place):
    """A folder in which one run is made."""

    def __init__(self, folder: Path, cache: Path) -> None:
        super().__init__(folder, cache, COMMAND)

    def interrupt_after(self, number: signal.Signals, pattern: str, delay: float, *arguments: str) -> ProcessResult:
        """Send a signal `delay` seconds after something new in the cache has a name of that pattern."""
        before = set(self.cache.glob(pattern))

        def reached() -> bool:
            if set(self.cache.glob(pattern)) <= before:
                return False
            time.sleep(delay)
            return True

        return self.interrupt(number, reached, *arguments)

    def outcome(self) -> dict[str, Any]:
        """Weights of every epoch and all scores of the last run."""
        weights = {
            path.parent.name: np.load(path) for path in sorted(self.cache.glob("pretrain/*/epoch-*/average.npy"))
        }
        last = max(self.folder.glob("outputs/*/*/predictions.npz"), key=lambda path: path.stat().st_mtime)
        with np.load(last) as stored:
            return {**weights, **stored}

    def statuses(self) -> list[str]:
        """The states of the MLflow runs, in the order of their start."""
        connection = sqlite3.connect(self.folder / "mlflow.db")
        rows = connection.execute("select status from runs order by start_time").fetchall()
        connection.close()
        return [status for (status,) in rows]


def assert_same(outcome: dict[str, Any], expected: dict[str, Any]) -> None:
    assert set(outcome) == set(expected) >= {"epoch-1", "epoch-2", "epoch-3", "dev_scores"}
    for name, values in expected.items():
        np.testing.assert_array_equal(outcome[name], values, err_msg=name)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Where the run went through."""
    folder = tmp_path_factory.mktemp("reference")
    workplace = Workplace(folder, folder / "cache")
    process = workplace.finish(NEVER)
    assert process.code == 0, process.errors
    return workplace


@pytest.fixture
def workplace(mlflow_database: Path, tmp_path: Path) -> Workplace:
    shutil.copy(mlflow_database, tmp_path)
    return Workplace(tmp_path, tmp_path / "cache")


def test_a_run_killed_again_and_again_ends_as_if_it_had_not_been(reference: Workplace, workplace: Workplace) -> None:
    moments = ["corpus/.*/tokens.bin", "vectors/.*/*", "pretrain/*/state-*", "pretrain/*/epoch-3"]
    for moment in moments:
        killed = workplace.interrupt_after(signal.SIGKILL, moment, 0.05, OFTEN)
        assert (killed.code, killed.errors) == (-signal.SIGKILL, ""), moment
    last = workplace.finish(OFTEN)
    assert (last.code, last.errors) == (0, "")
    assert "damaged" not in last.output
    assert "epoch 3/3" in last.output and "cached" in last.output
    assert_same(workplace.outcome(), reference.outcome())
    left = [path for path in workplace.cache.rglob(".*") if path.parent.parent.name == "pretrain"]
    assert len(left) <= 1, "what killed processes left adds up"


def test_a_stopped_run_saves_its_state_reports_to_mlflow_and_resumes(
    reference: Workplace, workplace: Workplace
) -> None:
    workplace.copy_inputs(reference.cache)
    position = {}
    for number, moment, code, tracking in [
        (signal.SIGTERM, "pretrain/*/epoch-1", 143, "mlflow"),
        (signal.SIGINT, "pretrain/*/epoch-2", 130, "off"),
    ]:
        stopped = workplace.interrupt_after(number, moment, 0.4, NEVER, f"tracking={tracking}")
        assert (stopped.code, stopped.errors) == (code, STOPPED)
        [manifest] = workplace.cache.glob("pretrain/*/state-*/manifest.json")
        position = json.loads(manifest.read_text())["meta"]
        assert position["step"] > 0, "only a stop can have saved this in the middle of an epoch"
    assert workplace.statuses() == ["KILLED"]
    assert position["epoch"] == 2
    assert not list(workplace.folder.glob("outputs/*/*/result.json"))
    last = workplace.finish(NEVER)
    assert (last.code, last.errors) == (0, "")
    assert_same(workplace.outcome(), reference.outcome())


def test_a_run_that_diverges_fails_with_one_line_and_keeps_nothing(reference: Workplace, workplace: Workplace) -> None:
    workplace.copy_inputs(reference.cache)
    wild = [*WORDS, "pretrain.learn_rate=1e30", "objective=l2", "pretrain.grad_clip=0", "pretrain.warmup_steps=0"]
    failed = workplace.finish(*wild, "tracking=mlflow")
    assert failed.code == 2
    assert failed.errors.startswith("error: pre-training diverged: the loss is not finite in epoch 1, step ")
    assert failed.errors.endswith(": lower pretrain.learn_rate, 1e+30 now\n") and failed.errors.count("\n") == 1
    assert workplace.statuses() == ["FAILED"]
    assert not list(workplace.cache.glob("pretrain/*/*-*/manifest.json"))


Remount = Callable[[str], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[tuple[Path, Remount]]:
    """A file system of its own, and a call that gives it another size."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(*options: str) -> subprocess.CompletedProcess[str]:
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place)]
        return subprocess.run(command, capture_output=True, text=True)

    try:
        first = mount("size=64k")
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if first.returncode:
        pytest.skip(f"a small file system can't be mounted here: {first.stderr.strip()}")

    def resize(size: str) -> None:
        assert mount("remount", f"size={size}").returncode == 0

    yield place, resize
    subprocess.run(["umount", str(place)], check=True)


def test_on_a_full_disk_a_run_says_so_in_one_line_and_resumes_when_there_is_room(
    reference: Workplace, disk: tuple[Path, Remount], tmp_path: Path
) -> None:
    place, resize = disk
    workplace = Workplace(tmp_path, place)
    for size, last_stage in (("500k", []), ("2m", ["vectors"])):
        resize(size)
        failed = workplace.finish(NEVER)
        assert failed.code == 2, failed
        assert "the disk is full: free some space" in failed.errors and failed.errors.count("\n") == 1
        assert [line.split()[0] for line in failed.output.splitlines()][-1:] == last_stage
    resize("64m")
    last = workplace.finish(NEVER)
    assert (last.code, last.errors) == (0, "")
    assert "damaged" not in last.output
    assert_same(workplace.outcome(), reference.outcome())
