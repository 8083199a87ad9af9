"""The errors a user can cause: one line that says what was wrong, where, and what to do."""


class UserError(Exception):
    """Bad input. `train.py` prints the message after `error: ` and exits with code 2."""


class Diverged(UserError):
    """A loss or a weight is not finite any more."""
