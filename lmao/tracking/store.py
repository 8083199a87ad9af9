"""Where runs are recorded: what a store does, which one the settings choose, and how a run in it ends."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from lmao.config.tracking import AnyTracking, MlflowTracking, NoTracking
from lmao.errors import AlreadyRun, Pruned, UserError
from lmao.explain import explain
from lmao.passwords import without_passwords
from lmao.stop import Stopped, StopSignal
from lmao.tracking.kept import OpensRuns
from lmao.tracking.mlflow_store import MlflowStore
from lmao.tracking.off import NullStore
from lmao.tracking.tracker import Tracker
from lmao.tracking.trial import RunTrial


class TrackingStore(Protocol):
    """Runs, and studies of which runs are trials. It is opened when a method first needs it.

    Raises:
        UserError: in any method: it can't be opened, read or written.
    """

    @property
    def uri(self) -> str | None:
        """Where MLflow finds the files of its runs, as understood from any folder and without a password: a study
        remembers it, for reports on other machines. None for another tracker."""

    @property
    def command(self) -> str | None:
        """What a user types to look at its runs; None if nothing is kept."""

    def prepare(self, storage: str) -> None:
        """Create it if it is missing, before workers share it. storage: Optuna's database, absolute.

        Raises:
            UserError: also where it can't be in that same database.
        """

    def open_run(self, name: str, trial: RunTrial) -> Tracker:
        """A new run; that of a trial belongs to its study's run."""

    def open_study(self, study: str, key: str, values: Mapping[str, Any], run_id: str | None, done: bool) -> str | None:
        """The run that is the parent of a study's trials: made, or marked as running again. Returns: its id, None
        where nothing is kept.

        key: of this study alone, by which a run is found whose maker died before it told its id; run_id: the one that
        it had, which may be gone: deleted, or in another store; done: there is nothing left to
        run, so it keeps its status, which nobody may live to set again.
        """

    def end_study(
        self, run_id: str | None, status: str, best: Mapping[str, Any], accuracy: float | None,
        files: Iterable[Path], warn: Callable[[str], None],
    ) -> None:  # fmt: skip
        """Record a study's outcome: its best trial and accuracy, plots and the best model, with a warning if these
        can't be copied.

        status RUNNING: other workers are still running trials.
        """

    def end_lost(self, run_id: str | None, failed: Collection[int]) -> None:
        """Mark the runs of a study's trials that were lost to a kill as KILLED: those it left RUNNING, and those that
        had ended before the study was told. run_id: the study's.

        failed: the numbers of the trials that Optuna called FAIL before this call. A run ends before its trial does, so
        that one of these that says anything else now was lost; another, which may end at any moment, is not touched.
        """


def open_store(config: AnyTracking) -> TrackingStore:
    match config:
        case MlflowTracking():
            return MlflowStore(config)
        case NoTracking():
            return NullStore()


@contextmanager
def tracked_run(store: OpensRuns, name: str, trial: RunTrial) -> Iterator[Tracker]:
    """A run called `name`: FINISHED at the end, KILLED by a stop or its study's pruner, FAILED by any other
    exception, which the tag `error` names. The tag `state` of a trial's says what Optuna does.

    Raises:
        UserError: the store can't be opened or written.
    """
    tracker: Tracker | None = None
    try:
        with StopSignal.uninterrupted():  # a run that exists has someone to end it
            tracker = store.open_run(name, trial)
        yield tracker
    except AlreadyRun as other:
        assert tracker is not None
        tracker.metric("dev/best_accuracy", other.accuracy)
        tracker.tags({"reused": other.where, "state": "COMPLETE"})
        tracker.close("FINISHED")
        raise
    except BaseException as error:
        if tracker is None:
            raise
        stopped = isinstance(error, (KeyboardInterrupt, Stopped, Pruned))
        about = {} if trial.number is None else {"state": "PRUNED" if isinstance(error, Pruned) else "FAIL"}
        if isinstance(error, Exception) and not stopped:
            about["error"] = explain(error) or without_passwords(repr(error))
        with suppress(UserError):  # what stopped the run is the news
            tracker.tags(about)
            tracker.close("KILLED" if stopped else "FAILED")
        raise
    if trial.number is not None:
        tracker.tags({"state": "COMPLETE"})
    tracker.close("FINISHED")
