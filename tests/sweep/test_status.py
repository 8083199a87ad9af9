"""`python -m lmao.status`: how a study stands, as its database and this machine say, on the screen and for a script."""

import json
import re
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.trial import TrialState

from lmao import status as module
from lmao.status import NOBODY, RUNNING, status
from lmao.sweep import progress, standing
from lmao.sweep.progress import ProgressNotes
from lmao.sweep.reading import read_studies
from lmao.tracking.off import NullStore
from tests.support.reports import Workplace
from tests.support.workers import Worker


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS", 0)


def storage(folder: Path) -> str:
    return f"sqlite:///{folder}/optuna.db"


def look(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """The exit code, and the lines with numbers of seconds left out."""
    code = status(storage(folder), ["*"], watch=False, as_json=False)
    return code, re.sub(r"[\d.]+ s\b", "… s", capsys.readouterr().out).splitlines()


def wait_for(reached: Callable[[], bool]) -> None:
    for _ in range(1000):
        if reached():
            return
        threading.Event().wait(0.01)
    pytest.fail("never reached")


def test_a_trial_is_seen_from_its_claim_to_its_end(
    tmp_path: Path, at_once: None, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = Worker(tmp_path, NullStore(), n_trials=2)
    trial = worker.claim()
    code, [counts, head, row] = look(tmp_path, capsys)
    assert (code, counts) == (RUNNING, "s · 0 of 2 done · 0 complete, 1 running, 1 waiting")
    assert re.split("  +", head.strip()) == ["trial", "host", "stage", "done", "runs for", "sign of life"]
    assert re.split("  +", row.strip()) == ["0", socket.gethostname(), "begins", "… s", "… s ago"]
    trial.progress("pretrain", 0.4321)
    wait_for(lambda: "pretrain  43%" in look(tmp_path, capsys)[1][-1])
    worker.tell(TrialState.COMPLETE, 0.75)
    code, [counts, pace] = look(tmp_path, capsys)
    assert (code, counts) == (RUNNING, "s · 1 of 2 done · 1 complete, 1 waiting")  # it may be about to claim another
    assert re.fullmatch(r"  best 0\.7500 \(trial 0\) · [\d.]+ trials an hour", pace)
    worker.claim()
    assert "left" in look(tmp_path, capsys)[1][1]
    worker.tell(TrialState.PRUNED)
    assert look(tmp_path, capsys)[0] == 0


def test_a_trial_whose_worker_was_killed_is_lost_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = Worker(tmp_path, NullStore())
    worker.claim()
    worker.die()
    code, [counts, advice, _, row] = look(tmp_path, capsys)
    assert (code, counts) == (NOBODY, "s · 0 of 3 done · 0 complete, 3 waiting, 1 lost")
    assert advice == "  nobody is at work: start a worker with the command that made it"
    assert row.endswith("lost, … s ago")


def test_a_trial_elsewhere_is_lost_after_the_grace_period(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(tmp_path, NullStore())
    worker.claim()
    monkeypatch.setattr("socket.gethostname", lambda: "another")
    [study] = read_studies(storage(tmp_path), "s")
    assert [one.lost for one in standing.standing(study, datetime.now()).work] == [False]
    monkeypatch.setattr(standing, "GRACE_SECONDS", -1)
    assert [one.lost for one in standing.standing(study, datetime.now()).work] == [True]


def test_pace_and_time_left(tmp_path: Path) -> None:
    """Three trials of a minute ended within the last half hour, one at work for half of that: 3 more take 2.5 min."""
    workplace = Workplace(tmp_path)
    maker = workplace.search(1, [0.5, 0.6, 0.7])
    maker.study.set_user_attr("n_trials", 6)
    maker.begin()
    [study] = read_studies(workplace.storage, "*")
    trials, now = list(study.trials), datetime.now()
    for trial in trials[:3]:
        object.__setattr__(trial, "started", now - timedelta(minutes=30))
    object.__setattr__(trials[3], "started", now - timedelta(seconds=30))
    found = standing.standing(study, now)
    assert found.per_hour == pytest.approx(6)
    assert found.seconds_left == pytest.approx(150)
    assert (found.running, found.waiting, found.best, found.best_trial) == (1, 2, 0.7, 2)


def test_states_are_counted_and_a_script_reads_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workplace = Workplace(tmp_path)
    maker = workplace.study("a", 1, n_trials=4)
    maker.complete(0.8)
    maker.prune([0.5])
    maker.fail()
    lost = maker.fail()
    maker.complete(0.9, replaces=lost.number)
    workplace.study("b", 1, n_trials=1).complete(0.6)
    assert status(workplace.storage, ["a", "b"], watch=False, as_json=True) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    counts = {name: first[name] for name in ("total", "complete", "pruned", "failed", "running", "waiting", "lost")}
    assert counts == {"total": 4, "complete": 2, "pruned": 1, "failed": 1, "running": 0, "waiting": 0, "lost": 1}
    assert (first["best"], first["best_trial"], second["study"]) == (0.9, 4, "b")
    assert status(workplace.storage, ["b"], watch=False, as_json=False) == 0
    assert capsys.readouterr().out.startswith("b · 1 of 1 done · 1 complete\n  best 0.6000 (trial 0)")


def test_watching_ends_with_the_study_and_outlives_its_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = Worker(tmp_path, NullStore(), n_trials=1)
    worker.claim()
    database, away = tmp_path / "optuna.db", tmp_path / "away"
    meanwhile: Sequence[Callable[[], Any]] = [
        lambda: database.rename(away),
        lambda: (away.rename(database), worker.tell(TrialState.COMPLETE, 0.5)),
    ]
    steps = iter(meanwhile)
    monkeypatch.setattr(module, "time", SimpleNamespace(sleep=lambda seconds: next(steps)()))
    assert status(storage(tmp_path), ["s"], watch=True, as_json=False) == 0
    shown = capsys.readouterr()
    assert re.findall(r"s · (\d) of 1 done", shown.out) == ["0", "0", "1"]
    assert re.match(r"waiting: sqlite:///.*/optuna.db: no such file: ", shown.err)


def test_the_command_says_what_is_wrong_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Workplace(tmp_path).study("a", 1, n_trials=1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["status", "b"])
    assert module.main() == 2
    assert capsys.readouterr() == ("", "error: no study in sqlite:///optuna.db matches 'b'; there are: a\n")
    monkeypatch.setattr("sys.argv", ["status"])
    assert module.main() == NOBODY


def test_notes_wait_for_nothing_and_the_last_one_is_written(at_once: None) -> None:
    written: list[Sequence[str | float | None]] = []
    hangs = threading.Event()

    def write(note: Sequence[str | float | None]) -> None:
        hangs.wait(10)
        written.append(note)

    notes = ProgressNotes(write)
    notes.take("encode", None)
    for share in (0.1, 0.2, 0.3):
        notes.take("pretrain", share)
    assert not written
    hangs.set()
    wait_for(lambda: bool(written) and written[-1] == ["pretrain", 0.3])
    notes.take("probe", None)
    wait_for(lambda: written[-1] == ["probe", None])
