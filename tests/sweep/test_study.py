"""The shared study, in this process: which points are drawn, what is lost, and what is refused."""

import inspect
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import OmegaConf
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState

from lmao.errors import UserError
from lmao.paths import CONF
from lmao.sweep.identity import attributes, name_of, same_attributes
from lmao.sweep.inputs import Inputs
from lmao.sweep.losses import Losses
from lmao.sweep.samplers import sampler_at
from lmao.sweep.space import Space, read_space
from lmao.sweep.study import SharedStudy
from tests.support.sweeps import kept, points, states

OWN: dict[str, dict[str, Any]] = {
    "TPE": {"n_startup_trials": 3, "constant_liar": True},
    "Random": {},
    "QMC": {"scramble": True, "warn_independent_sampling": False},
    "Grid": {},
}
SAMPLERS = {
    name.lower(): OmegaConf.create({"_target_": f"optuna.samplers.{name}Sampler", "seed": 0, **own})
    for name, own in OWN.items()
}
CONTINUOUS = ["optimizer.learn_rate=tag(log,interval(0.0001,0.1))", "textcat.dropout=interval(0.0,0.5)"]
DISCRETE = ["textcat.batch_size=choice(2,4,8)", "optimizer.beta1=choice(0.0,0.5,0.9)"]
BUDGET = 9

Open = Callable[..., SharedStudy]


@pytest.fixture
def open_study(tmp_path: Path) -> Open:
    """A worker's view of the study of this test."""

    def opened(
        sampler: str = "random", space: Space | None = None, n_trials: int = BUDGET, max_losses: int | None = 3,
        **same: Any,
    ) -> SharedStudy:  # fmt: skip
        place, url = tmp_path / "study", f"sqlite:///{tmp_path}/optuna.db"
        study = SharedStudy(url, "s", place, lambda n: sampler_at(SAMPLERS[sampler], n), max_losses)
        given = space.points() if sampler == "grid" and space else []
        study.prepare(same, {}, n_trials, given)
        return study

    return opened


def die(study: SharedStudy) -> None:
    """What the system does when a worker is killed."""
    study._worker._lock.release()


def claim(study: SharedStudy, space: Space, own_seeds: bool = True) -> optuna.Trial | None:
    trials, _ = study.claim(1, lambda trial: space.suggest(trial, epochs=1), own_seeds)
    return trials[0] if trials else None


def accuracy(trial: FrozenTrial | optuna.Trial) -> float:
    """Something that depends on the point."""
    return sum(len(str(value)) + float(value) for value in trial.params.values() if not isinstance(value, str)) % 1


def run_all(study: SharedStudy, space: Space, most: int = BUDGET) -> None:
    for _ in range(most):
        trial = claim(study, space)
        if trial is None:
            break
        study.tell(trial, TrialState.COMPLETE, accuracy(trial))


def test_tpe_is_what_optuna_makes_of_it_by_itself() -> None:
    with initialize_config_dir(config_dir=str(CONF)):
        chosen = hydra_compose("config", ["sweep=tpe"], return_hydra_config=True).hydra.sweeper.sampler
    defaults = {name: one.default for name, one in inspect.signature(TPESampler).parameters.items()}
    own = {name: value for name, value in chosen.items() if name not in ("_target_", "seed")}
    assert {name: value for name, value in own.items() if value != defaults[str(name)]} == {"multivariate": True}
    assert TPESampler()._is_multivariate(optuna.create_study())


@pytest.mark.parametrize("arguments", [CONTINUOUS, DISCRETE], ids=["continuous", "discrete"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_kills_and_other_workers_change_nothing_of_what_is_drawn(
    sampler: str, arguments: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    if sampler == "grid" and arguments is CONTINUOUS:
        pytest.skip("a grid has no intervals")
    space = read_space([], arguments)
    found = []
    for killed in (False, True):
        folder = tmp_path_factory.mktemp("study")

        def view(folder: Path = folder) -> SharedStudy:
            study = SharedStudy(f"sqlite:///{folder}/o.db", "s", folder, lambda n: sampler_at(SAMPLERS[sampler], n))
            study.prepare({}, {}, BUDGET, space.points() if sampler == "grid" else [])
            return study

        first = view()
        if killed:
            for _ in range(2):
                run_all(first, space, 2)
                assert claim(first, space) is not None
                die(first)
                first = view()
        run_all(first, space)
        found.append(kept(first.study.get_trials()))
        first.close()
    undisturbed, disturbed = found
    assert states(undisturbed) == states(disturbed) == [TrialState.COMPLETE] * BUDGET
    assert points(undisturbed) == points(disturbed)
    assert len(set(points(undisturbed))) == BUDGET


@pytest.mark.parametrize(("max_losses", "tried"), [(1, 1), (2, 2), (None, 6)])
def test_how_many_kills_a_point_survives_is_a_setting(open_study: Open, max_losses: int | None, tried: int) -> None:
    space, killed = read_space([], DISCRETE), []
    for _ in range(6):
        study = open_study(n_trials=1, max_losses=max_losses)
        trial = claim(study, space)
        if trial is None:
            break
        killed.append(trial.params)
        die(study)
    assert killed == killed[:1] * tried


def test_the_files_of_dead_workers_are_removed_those_of_others_stay(open_study: Open, tmp_path: Path) -> None:
    alive, dead = open_study(), open_study()
    die(dead)
    foreign = tmp_path / "study" / ".worker-elsewhere-abc"
    foreign.touch()
    last = open_study()
    marks = {Path(study._worker.attributes["worker"]) for study in (alive, last)}
    assert set((tmp_path / "study").glob(".worker-*")) == {*marks, foreign}


def test_a_worker_that_dies_while_another_begins_is_not_forgotten(
    open_study: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the other has looked for lost trials, and before it removes the files of the dead."""
    space, dying = read_space([], CONTINUOUS), open_study()
    trial = claim(dying, space)
    reap = Losses.reap

    def reap_then_die(losses: Losses) -> int:
        lost = reap(losses)
        die(dying)
        return lost

    with monkeypatch.context() as patched:
        patched.setattr(Losses, "reap", reap_then_die)
        other = open_study()
    again = claim(other, space)
    assert trial is not None and again is not None and again.user_attrs["replaces"] == trial.number


def test_workers_never_draw_the_same(open_study: Open) -> None:
    space = read_space([], CONTINUOUS)
    workers = [open_study("tpe") for _ in range(6)]
    trials = [claim(worker, space) for worker in workers]
    assert len({tuple(trial.params.values()) for trial in trials if trial}) == 6
    assert [trial.user_attrs["seed"] for trial in trials if trial] == [0, 1, 2, 3, 4, 5]


def test_a_worker_that_is_alive_loses_nothing_and_a_dead_one_at_once(open_study: Open) -> None:
    space, living, dead = read_space([], CONTINUOUS), open_study(), open_study()
    kept_trial, lost = claim(living, space), claim(dead, space)
    assert kept_trial is not None and lost is not None
    die(dead)
    again = claim(open_study(), space)
    assert again is not None
    assert again.params == lost.params and again.user_attrs["replaces"] == lost.number
    assert again.user_attrs["seed"] == lost.user_attrs["seed"]
    assert living.numbers(TrialState.RUNNING) == {kept_trial.number, again.number}


def test_a_silent_worker_is_presumed_dead_and_its_later_report_is_ignored(open_study: Open) -> None:
    """A worker on another machine: its lock can't be checked, and it sends no heartbeats."""
    space, silent, other = read_space([], CONTINUOUS), open_study(), open_study()
    silent._worker.attributes["host"] = "elsewhere"
    trial = claim(silent, space)
    assert trial is not None
    other._storage.grace_period = 1
    assert other.claim(0, lambda trial: None, True)[1] == 0
    time.sleep(2.1)  # SQLite counts whole seconds
    again = claim(other, space)
    assert again is not None and again.user_attrs["replaces"] == trial.number
    assert silent.tell(trial, TrialState.COMPLETE, 0.9).state == TrialState.FAIL
    assert silent.tell(trial, TrialState.FAIL, error="late").state == TrialState.FAIL
    other.tell(again, TrialState.COMPLETE, 0.5)
    assert [trial.values for trial in kept(other.study.get_trials())] == [[0.5]]


def test_a_silent_worker_that_ends_its_trial_while_another_gives_it_up_is_believed(
    open_study: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, silent, other = read_space([], CONTINUOUS), open_study(), open_study()
    silent._worker.attributes["host"] = "elsewhere"
    trial = claim(silent, space)
    assert trial is not None
    other._storage.grace_period = 1
    time.sleep(2.1)  # SQLite counts whole seconds

    stale_trials = other._storage._get_stale_trial_ids

    def stale_then_ended(study_id: int) -> list[int]:
        stale = stale_trials(study_id)
        silent.tell(trial, TrialState.COMPLETE, 0.9)
        return stale

    monkeypatch.setattr(other._storage, "_get_stale_trial_ids", stale_then_ended)
    assert other.claim(0, lambda trial: None, True)[1] == 0
    assert [(one.state, one.values) for one in other.study.get_trials()] == [(TrialState.COMPLETE, [0.9])]


def test_a_worker_that_slept_with_this_machine_keeps_its_trial(open_study: Open) -> None:
    space, slept, awake = read_space([], CONTINUOUS), open_study(), open_study()
    trial = claim(slept, space)
    assert trial is not None
    awake._storage.grace_period = 1
    time.sleep(2.1)  # SQLite counts whole seconds
    assert awake.claim(0, lambda trial: None, True)[1] == 0
    assert slept.tell(trial, TrialState.COMPLETE, 0.9).state == TrialState.COMPLETE


def test_heartbeats_are_recorded_while_trials_run(open_study: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmao.sweep.study.HEARTBEAT_SECONDS", 0.2)
    space, worker, other = read_space([], CONTINUOUS), open_study(), open_study()
    worker._worker.attributes["host"] = "elsewhere"
    trial = claim(worker, space)
    assert trial is not None
    other._storage.grace_period = 1
    with worker.alive([trial]):
        time.sleep(2.5)
        assert other.claim(0, lambda trial: None, True)[1] == 0
    assert threading.active_count() < 20


def test_a_point_that_kills_its_worker_three_times_has_failed(open_study: Open) -> None:
    space = read_space([], CONTINUOUS)
    for _ in range(3):
        worker = open_study(n_trials=1)
        assert claim(worker, space) is not None
        die(worker)
    last = open_study(n_trials=1)
    assert claim(last, space) is None
    [trial] = last.finished_trials()
    assert (trial.state, trial.user_attrs["error"]) == (TrialState.FAIL, "its process died, 3 times")


def test_a_worker_killed_while_it_claims_leaves_no_gap_and_no_double(open_study: Open) -> None:
    def interrupted(trial: optuna.Trial) -> None:
        trial.suggest_float("textcat.dropout", 0.0, 0.5)
        raise KeyboardInterrupt

    space, killed, other = read_space([], CONTINUOUS), open_study("tpe"), open_study("tpe")
    with pytest.raises(KeyboardInterrupt):
        killed.claim(1, interrupted, True)
    die(killed)
    run_all(other, space)
    assert [trial.user_attrs["seed"] for trial in kept(other.study.get_trials())] == list(range(BUDGET))
    assert all(set(trial.params) == set(space.distributions) for trial in kept(other.study.get_trials()))


def test_a_claim_that_is_made_again_leaves_no_trial_running(open_study: Open) -> None:
    """As where the database went away after a trial was claimed, and before the worker heard of it."""
    space, worker = read_space([], CONTINUOUS), open_study()
    unheard, heard = claim(worker, space), claim(worker, space)
    assert unheard is not None and heard is not None
    assert worker.numbers(TrialState.RUNNING) == {heard.number}
    assert heard.params == unheard.params


def test_a_stop_queues_only_the_workers_own_trials_again(open_study: Open) -> None:
    space, stopped, other = read_space([], CONTINUOUS), open_study(), open_study()
    own, others = claim(stopped, space), claim(other, space)
    assert own is not None and others is not None
    stopped.requeue(0)
    stopped.close()
    assert other.numbers(TrialState.RUNNING) == {others.number}
    again = claim(other, space)
    assert again is not None and (again.params, again.user_attrs["losses"]) == (own.params, 0)


def test_a_different_space_is_refused_and_named(open_study: Open) -> None:
    open_study(science={"seed": 0})
    with pytest.raises(
        UserError, match=r"study s was made with different settings \(seed: 0 then, 1 now\): give the new one"
    ):
        open_study(science={"seed": 1})


def test_a_study_with_epochs_left_to_the_corpus_is_named_so(compose: Callable[..., Any]) -> None:
    space = read_space([], [])
    assert name_of(compose("textcat=cnn"), space, "tpe", None) == "docstrings-document-pretrainauto"
    assert name_of(compose("textcat=cnn", "pretrain.epochs=2"), space, "tpe", None) == "docstrings-document-pretrain2"


def test_other_texts_or_another_table_make_another_study(compose: Callable[..., Any], tmp_path: Path) -> None:
    def inputs(texts: str, table: str, *varied: str) -> Any:
        (tmp_path / "texts.csv").write_text(f"text,label\n{texts},a\n")
        (tmp_path / "table.txt").write_text(table)
        paths = [f"data.path={tmp_path}/texts.csv", f"vectors.path={tmp_path}/table.txt", "vectors.dims=1"]
        settings = compose("data=files", "vectors=glove", *paths)
        space = read_space([], list(varied))
        return same_attributes(settings, space, "grid", Inputs(settings, pytest.fail).digests)["inputs"]

    films = inputs("a film", "film 0.1")
    assert set(films) == {"data", "vectors"} and films == inputs("a film", "film 0.1")
    assert inputs("a mail", "film 0.1")["data"] != films["data"]
    assert inputs("a film", "film 0.2") == {**films, "vectors": inputs("a film", "film 0.2")["vectors"]} != films
    assert set(inputs("a film", "film 0.1", "data.path=a.csv,b.csv", "vectors@vectors.target=same,floret")) == set()


def test_that_test_labels_were_read_once_is_not_forgotten(open_study: Open, compose: Callable[..., Any]) -> None:
    study, space = open_study(), read_space([], [])
    for said in (False, True, False):
        study.prepare({}, attributes(compose(f"evaluate_test={said}"), space, None), BUDGET, [])
    assert study.study.user_attrs["evaluate_test"] is True


def test_a_study_says_where_its_runs_are_without_a_password(compose: Callable[..., Any]) -> None:
    for uri, masked in (
        ("sqlite:///m.db", f"sqlite:///{Path.cwd()}/m.db"),
        ("http://me:hunter2@host", "http://me:***@host"),
    ):
        settings = compose("tracking=mlflow", f"tracking.uri={uri}")
        assert attributes(settings, read_space([], []), None)["tracking_uri"] == masked
    assert "tracking_uri" not in attributes(compose("tracking=off"), read_space([], []), None)


def test_a_grid_may_grow_by_numbers_but_not_by_names(open_study: Open, compose: Callable[..., Any]) -> None:
    for seeds, names in (("0,1", "l2,cosine"), ("0,1,5", "l2,cosine")):
        space = read_space([], [f"seed={seeds}", f"objective={names}"])
        study = open_study("grid", space, n_trials=100)
        run_all(study, space.of_a_grid())
        assert study.is_complete() and study.n_trials == len(space.points())
    small, large = (
        same_attributes(compose(), read_space([], ["seed=0,1", f"objective={names}"]), "grid", {})
        for names in ("l2,cosine", "l2,cosine,vmf")
    )
    assert small["names"] != large["names"] and small["science"] == large["science"]
