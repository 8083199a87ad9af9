"""Passwords that are typed reach the run, but no file, and no process's name but the one that was typed."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from lmao.config.overrides import readable
from lmao.config.run import Config
from lmao.config.secrets import PasswordGuard, kept_in_environment
from lmao.config.tracking import MlflowTracking
from lmao.paths import ROOT
from tests.support.processes import TRAIN

PASSWORDS = ["hunter2", "hun ter2", "hun,ter2", r"hun\ter2", "hun:t/er2", "hun(ter=2", "hun@ter2"]
IN_URLS = [f"postgresql://me:{password}@host/runs" for password in [*PASSWORDS, "hun'ter2"]]
IN_QUERIES = [f"postgresql://me@host/runs?passwd={password}" for password in PASSWORDS]
KILLED = """
import os, runpy, signal, sys
from lmao import cli
cli.hide_passwords = lambda folder: os.kill(os.getpid(), signal.SIGKILL)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        monkeypatch.delenv(f"LMAO_PASSWORD_{number}", raising=False)  # and none stays behind


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("typed", [*IN_URLS, *IN_QUERIES])
def test_a_password_comes_as_it_was_typed(typed: str, compose: Callable[..., Config]) -> None:
    arguments = kept_in_environment(readable(["tracking=mlflow", f"tracking.uri={typed}", "seed=3"]))
    assert "ter2" not in "".join(arguments) and (arguments[0], arguments[2]) == ("tracking=mlflow", "seed=3")
    assert kept_in_environment(arguments) == arguments
    settings = compose(*arguments)
    assert isinstance(settings.tracking, MlflowTracking) and settings.tracking.uri == typed


@pytest.mark.usefixtures("environment")
def test_two_passwords_have_two_variables_and_a_token_one() -> None:
    arguments = kept_in_environment(["a=http://t1@h", "b=http://me:t2@h", "c=http://me:t1@h", "--config-dir=x"])
    assert [argument.count("{oc.env:LMAO_PASSWORD_") for argument in arguments] == [1, 1, 1, 0]
    assert (os.environ["LMAO_PASSWORD_0"], os.environ["LMAO_PASSWORD_1"]) == ("t1", "t2")


@pytest.mark.usefixtures("environment")
def test_a_password_in_settings_comes_as_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it was written there, is typed, or is in the environment."""
    monkeypatch.setenv("MINE", "mine")
    (typed,) = kept_in_environment(["hydra.sweeper.storage=postgresql://me:typed@host/a"])
    urls = {
        "own": "http://me:own@host/",
        "typed": typed.partition("=")[2].strip("'"),
        "mine": "http://me:${oc.env:MINE}@host/",
    }
    config = OmegaConf.create(
        {**urls, "hydra": {"sweeper": {"x": "http://own@host"}, "overrides": {"hydra": [], "task": []}}}
    )
    OmegaConf.set_readonly(config.hydra, True)
    PasswordGuard().on_multirun_start(config)
    written = OmegaConf.to_yaml(config)
    assert "own@" not in written and urls["typed"] in written and urls["mine"] in written
    assert [config.own, config.typed, config.mine] == [
        "http://me:own@host/", "postgresql://me:typed@host/a", "http://me:mine@host/",
    ]  # fmt: skip
    assert [len(told) for told in config.hydra.overrides.values()] == [1, 1]


@pytest.mark.parametrize(
    ("own", "sweep", "setting"),
    [
        (False, [], "tracking.uri"),
        (True, [], "tracking.uri"),
        (True, ["--multirun", "sweep=basic"], "tracking.uri"),
        (True, ["--multirun", "tracking=off", "textcat=linear", "data=files", "data.path=a.csv"], "hydra.help.footer"),
    ],
)
def test_a_kill_after_hydra_has_written_its_files_leaves_none_on_disk(
    own: bool, sweep: Sequence[str], setting: str, tmp_path: Path
) -> None:
    """own: it comes from a user's own YAML. The files are not gone through yet, which is the last resort."""
    url = "http://me:hunter2@127.0.0.1:1/"
    (tmp_path / "a.csv").write_text("text,label\na,x\nb,y\n" * 9)
    mine = tmp_path / "own" / "experiment" / "mine.yaml"
    mine.parent.mkdir(parents=True)
    group, *_, name = setting.rpartition(".")
    mine.write_text(f"# @package {group}\n{name}: {url}\n")
    typed = [f"--config-dir={tmp_path}/own", "+experiment=mine"] if own else [f"{setting}={url}"]
    arguments = [TRAIN, "debug=tiny", "tracking=mlflow", *sweep, *typed]
    command = [sys.executable, "-c", f"import sys; sys.argv = {arguments}\n{KILLED}"]
    ended = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert ended.returncode == -signal.SIGKILL
    found = [path for path in tmp_path.rglob("*") if path.is_file() and path != mine]
    assert {path.name for path in found} >= {"config.yaml", "hydra.yaml", "overrides.yaml"}
    assert not [path for path in found if b"hunter2" in path.read_bytes()]
