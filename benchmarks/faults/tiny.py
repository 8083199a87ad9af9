"""The least run that does all that a run does: sixty texts, and what is compared of its outcome."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.processes import TRAIN, Place, ProcessResult, RunningProcess

TEXTS = 60
WORDS = {"good": ["fine", "bright", "warm", "clear"], "bad": ["poor", "dull", "cold", "vague"]}
COMMON = ["the", "a", "of", "and", "to", "in", "was", "it", "that", "film", "story", "actor", "scene", "music", "end"]
COMMAND = [
    "debug=tiny", "threads=1", "data=files", "data.path=texts.csv", "pretrain.batch_words=200", "pretrain.epochs=2",
    "pretrain.save_minutes=0.00001", "textcat.epochs=1", "hydra.run.dir=out",
]  # fmt: skip
LINEAR = [*COMMAND[:4], "textcat=linear", COMMAND[-1]]
TIMES = ("seconds", "peak_rss_mb", "mlflow_run_id", "words_per_second", "cached")  # what differs from run to run


class Tiny(Place):
    """A folder with these texts, in which one run is made, again and again into the same folder `out`."""

    def __init__(self, folder: Path, command: list[str] = COMMAND) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_texts(folder / "texts.csv")
        super().__init__(folder, folder / "cache", command)

    def struck(self, at: int, *arguments: str) -> ProcessResult:
        """The run, killed at a file operation."""
        return self.start_struck(at, *arguments).ended()

    def start_struck(self, at: int, *arguments: str) -> RunningProcess:
        count = str(self.folder / "count")
        return self._start("tests.support.struck", str(at), count, TRAIN, *self._command, *arguments)

    def operations(self) -> int:
        """How many file operations a whole run has; it is made, as in an empty folder."""
        self.finish()  # what is compiled is in no later run
        shutil.rmtree(self.folder / "out")
        shutil.rmtree(self.cache)
        whole = self.struck(0)
        assert whole.code == 0, whole
        return int((self.folder / "count").read_text())

    def outcome(self) -> dict[str, Any]:
        """What the run has left: weights of each epoch, predictions, digests of its files, figures."""
        weights = {
            path.parent.name: np.load(path).tobytes() for path in sorted(self.cache.glob("pretrain/*/epoch-*/*.npy"))
        }
        return {**weights, **run_outcome(self.folder / "out")}


def run_outcome(folder: Path) -> dict[str, Any]:
    with np.load(folder / "predictions.npz") as stored:
        arrays = {name: values.tobytes() for name, values in stored.items()}
    files = json.loads((folder / "manifest.json").read_bytes())["files"]
    whole = {name: files.get(name) for name in ("tok2vec.bin", "train.spacy", "errors.csv")}
    models = {name: digest for name, digest in files.items() if name.startswith(("model/", "language_model/"))}
    return {**arrays, **whole, **models, "result": _figures(json.loads((folder / "result.json").read_bytes()))}


def _figures(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _figures(one) for name, one in value.items() if name not in TIMES}
    return [_figures(one) for one in value] if isinstance(value, list) else value


def write_texts(path: Path) -> None:
    drawn = random.Random(0)
    lines = ["text,label"]
    for number in range(TEXTS):
        label = ("good", "bad")[number % 2]
        words = drawn.choices(COMMON, k=12) + drawn.choices(WORDS[label], k=2)
        drawn.shuffle(words)
        lines.append(f"{' '.join(words)} {number},{label}")
    path.write_text("\n".join(lines) + "\n")


def differences(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """The names of what isn't the same bit for bit."""
    return [name for name in sorted({*found, *expected}) if found.get(name) != expected.get(name)]
