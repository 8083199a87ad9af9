"""A run's folder: what a run leaves there, and what an earlier one left is removed."""

import shutil
from pathlib import Path

from lmao.cache import MANIFEST
from lmao.errors import UserError
from lmao.manifest import write_manifest

RESULTS = (
    "result.json", "predictions.npz", "probe_predictions.npz", "tok2vec.bin", "config.cfg", "curves.png",
    "confusion.png", "errors.csv", "doubtful.csv", MANIFEST,
)  # fmt: skip
MODELS = ("model", "language_model", "classifier")  # folders
MARK = ".lmao"  # in a folder that is a run's
ARTIFACTS = ("result.json", "predictions.npz", "confusion.png", "curves.png", ".hydra/config.yaml")


def seal(folder: Path) -> None:
    """The digests of all that the run left, once it has left all of it."""
    write_manifest(folder, (*RESULTS, *MODELS))


def clear(folder: Path) -> None:
    """Remove what an earlier run in the same folder left: nothing of it may pass for this one's.

    Raises:
        UserError: the folder holds such names, but no run has left them.
    """
    found = [name for name in (*RESULTS, *MODELS) if (folder / name).exists()]
    if found and not (folder / MARK).exists():
        raise UserError(
            f"{folder} holds {', '.join(found)}, not of a run", setting="hydra.run.dir", advice="choose another folder"
        )
    for name in found:
        if name in MODELS:
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink()
    for left in [left for name in RESULTS for left in folder.glob(f".{name}.*")]:  # by a writer that was killed
        left.unlink()
    (folder / MARK).touch()
