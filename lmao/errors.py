"""The errors a user can cause: one line that says what was wrong, where, and what to do."""


class UserError(Exception):
    """Bad input. `train.py` prints the message after `error: ` and exits with code 2."""


class Unavailable(UserError):
    """The machine's fault, not that of a run's settings: a database, the disk, a file that is gone."""


class Diverged(UserError):
    """A loss or a weight is not finite any more."""


class Pruned(Exception):
    """A trial of a sweep that its study's pruner stopped."""


class AlreadyRun(Exception):
    """A trial of a sweep whose configuration another trial has run: (accuracy, "study/number")."""

    def __init__(self, accuracy: float, where: str) -> None:
        super().__init__(accuracy, where)
        self.accuracy = accuracy
        self.where = where
