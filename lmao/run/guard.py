"""Before Hydra writes its settings and its log into a run's folder: a run that is at work there keeps it."""

from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from lmao.cli import Failed
from lmao.errors import UserError

MARK = ".lmao"  # in a folder that is a run's, which locks it


class FolderGuard(Callback):
    """Raises Failed, since Hydra makes a warning of any Exception here."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        folder = Path(config.hydra.run.dir)
        if (folder / MARK).is_file():
            try:
                FileLock(folder / MARK).acquire(timeout=0).lock.release()
            except Timeout:
                raise Failed(taken(folder)) from None
            except OSError:  # the run itself says what is wrong with it
                pass


def taken(folder: Path) -> UserError:
    return UserError(
        f"another run is writing into {folder.absolute()}", setting="hydra.run.dir", advice="choose another folder"
    )
