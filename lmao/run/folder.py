"""A run's folder: what a run leaves there, and what an earlier one left is removed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lmao.cache import MANIFEST, discard
from lmao.errors import UserError
from lmao.manifest import write_manifest
from lmao.run.guard import MARK, taken

SPACY_TRAIN = ("tok2vec.bin", "config.cfg", "config-tagger.cfg", "config-ner.cfg", "train.spacy", "dev.spacy")
RESULTS = (
    "result.json", "predictions.npz", "probe_predictions.npz", "curves.png", "confusion.png", "errors.csv",
    "doubtful.csv", MANIFEST, *SPACY_TRAIN,
)  # fmt: skip
MODELS = ("model", "language_model", "classifier")  # folders
ARTIFACTS = ("result.json", "predictions.npz", "confusion.png", "curves.png", ".hydra/config.yaml")


def seal(folder: Path) -> None:
    """The digests of all that the run left, once it has left all of it."""
    write_manifest(folder, (*RESULTS, *MODELS))


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a folder while a run writes into it. What an earlier one left there stays until `clear`.

    Raises:
        UserError: another run holds it; or it has files of such names, but no run has left them.
    """
    _require_own(folder)
    lock = FileLock(folder / MARK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise taken(folder) from None
    try:
        yield
    finally:
        lock.release()


def _require_own(folder: Path) -> None:
    found = [name for name in (*RESULTS, *MODELS) if (folder / name).exists()]
    if found and not (folder / MARK).exists():
        raise UserError(
            f"{folder} holds {', '.join(found)}, not of a run", setting="hydra.run.dir", advice="choose another folder"
        )


def clear(folder: Path) -> None:
    """Remove what an earlier run left: nothing of it may pass for this one's. A mistake in the command comes before."""
    for name in RESULTS:
        for path in (folder / name, *folder.glob(f".{name}.*")):  # by a writer that was killed
            path.unlink(missing_ok=True)
    for name in MODELS:
        if (folder / name).exists():
            discard(folder / name)
        for left in folder.glob(f".{name}-*"):
            shutil.rmtree(left, ignore_errors=True)
