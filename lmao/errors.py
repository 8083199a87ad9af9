"""The errors a user can cause: one line that says which setting is meant, what was wrong and where, what to do."""


class UserError(Exception):
    """Bad input. `train.py` prints "setting: what: advice" after `error: ` and exits with code 2.

    what: what is wrong, and where. setting: as on the command line, `data.path`, `--top`; with its value where that is
    the mistake. advice: what to do.
    """

    def __init__(self, what: str, *, setting: str | None = None, advice: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.setting = setting
        self.advice = advice

    def __str__(self) -> str:
        return ": ".join(part for part in (self.setting, self.what, self.advice) if part)


class Unavailable(UserError):
    """The machine is to blame, not the run's settings: a database, the disk, a file that is gone."""


class Away(Unavailable):
    """A database or a server can't be reached: it may be there later. `train.py` exits with code 75."""


class OutOfMemory(Unavailable):
    """There was too little: a run's settings may be to blame, too."""


class Diverged(UserError):
    """A loss or a weight is no longer finite."""


class Pruned(Exception):
    """A trial of a sweep that its study's pruner stopped."""


class AlreadyRun(Exception):
    """A trial of a sweep whose configuration another trial has run: (accuracy, "study/number")."""

    def __init__(self, accuracy: float, where: str) -> None:
        super().__init__(accuracy, where)
        self.accuracy = accuracy
        self.where = where
