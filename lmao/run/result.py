"""What a run came to: `result.json`, and the lines the user reads at the end."""

import json
import platform
import resource
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lmao.console import duration
from lmao.files import write_whole
from lmao.paths import from_here
from lmao.run.context import Context
from lmao.run.scores import Score, wilson_interval
from lmao.version import __version__

TOGETHER = "together"
VERSIONED = ("numpy", "numba", "spacy", "thinc", "floret", "scikit-learn", "mlflow", "hydra-core", "optuna")


@dataclass(frozen=True)
class PretrainSummary:
    """words and seconds: of the updates, whenever they were computed; cached: how many epochs were there already."""

    epochs: int
    words: int
    seconds: float
    words_per_second: float
    loss: list[float]  # of each epoch
    cached: int
    records: list[dict[str, Any]]  # each epoch's figures


@dataclass(frozen=True)
class ProbeSummary:
    """Of the linear probe alone: cross-validated and on all dev examples; seconds: features and fit."""

    accuracy: float
    dev_accuracy: float
    C: float
    seconds: float


@dataclass(frozen=True)
class TextcatSummary:
    """best_epoch: the one the weights are of; 0 where they are the probe's."""

    epochs: int
    best_epoch: int
    seconds: float
    records: list[dict[str, Any]]  # each epoch's figures
    probe: ProbeSummary | None = None


@dataclass(frozen=True)
class ArmSummary:
    """Of one of the classifiers that textcat=auto chooses from: accuracy, error: by cross-validation on the training
    labels; share: in the combination; seconds: without vectors and pre-training; megabytes: of all it needs to predict;
    what is of dev and test: None until it was asked, and where there are no test examples."""

    name: str
    accuracy: float
    error: float
    share: float
    seconds: float
    megabytes: float
    dev_accuracy: float | None = None
    test_accuracy: float | None = None
    dev_macro_f: float | None = None
    test_macro_f: float | None = None


@dataclass(frozen=True)
class ControlSummary:
    """Of the encoder without pre-training, which is there to compare with alone; as in `ArmSummary`."""

    epochs: int
    seconds: float
    dev_accuracy: float | None = None
    test_accuracy: float | None = None
    dev_macro_f: float | None = None
    test_macro_f: float | None = None


@dataclass(frozen=True)
class ChoiceSummary:
    """name: the chosen arm, or TOGETHER; accuracy, error: its, by cross-validation; model: the arm that is in `model/`;
    control: None where nothing is pre-trained, or the labels are many."""

    name: str
    accuracy: float
    error: float
    model: str
    control: ControlSummary | None
    arms: Sequence[ArmSummary]

    def arm(self, name: str) -> ArmSummary:
        return next(arm for arm in self.arms if arm.name == name)


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """Of any run."""

    scaled: Mapping[str, int]  # the settings left to the corpus, and what it made of them
    seconds: Mapping[str, float]
    seed: int
    threads: int  # sums are rounded in another order with another number, and by another BLAS
    blas: str
    versions: Mapping[str, str]
    mlflow_run_id: str | None
    peak_rss_mb: float


@dataclass(frozen=True, kw_only=True)
class Result(Circumstances):
    dev_accuracy: float
    labels: Sequence[str]
    dev: Score
    test: Score | None
    pretrain: PretrainSummary | None
    textcat: TextcatSummary
    parameters: int
    model_mb: float | None
    classifier_mb: float | None
    digests: Mapping[str, str]
    majority: float  # the share of the dev examples that have the most frequent label of the training examples
    temperature: float | None  # what the logits were divided by, of a combination those of its arms' mean
    choice: ChoiceSummary | None = None  # of textcat=auto
    model_dev_accuracy: float | None = None  # of what is in `model/`, if that isn't all that was chosen


@dataclass(frozen=True, kw_only=True)
class Encoded(Circumstances):
    """Of a run without labels: a result's figures, None where they need labels."""

    labels: Sequence[str]
    pretrain: PretrainSummary
    parameters: int
    model_mb: float | None
    digests: Mapping[str, str]
    dev_accuracy: None = None
    dev: None = None
    test: None = None
    textcat: None = None
    choice: None = None


def circumstances(context: Context) -> dict[str, Any]:
    """The fields of `Circumstances`, now that the run is about to end."""
    return {
        "scaled": context.scaled,
        "seconds": context.seconds,
        "seed": context.settings.seed,
        "threads": context.team.threads,
        "blas": context.team.device.blas(),
        "versions": _versions(),
        "mlflow_run_id": context.tracker.run_id,
        "peak_rss_mb": peak_rss_mb(),
    }


def _versions() -> dict[str, str]:
    own = {"lmao": __version__, "python": platform.python_version()}
    return own | {name: version(name) for name in VERSIONED}


def peak_rss_mb() -> float:
    """The largest that this process, or one of those it started, has been, in MB."""
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
    status = Path("/proc/self/status")
    if not status.exists():
        return max(children, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
    # Linux' ru_maxrss also knows how large the process was that started this one.
    high_water = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return max(children, int(high_water.split()[1]) / unit)


def write_result(path: Path, result: "Result | Encoded") -> None:
    write_whole(path, json.dumps(asdict(result), indent=2) + "\n")


def summary(result: Result, folder: Path, review: object, command: str | None) -> Sequence[tuple[str, str]]:
    """Rows for the end of the screen. review: what it says is worth a look, if anything; command: what shows the run
    beside others, if it was recorded."""
    folder = from_here(folder)
    rows = [("dev accuracy", _scored(result.dev) + _beside(result))]
    if result.test is not None:
        rows.append(("test accuracy", _scored(result.test) + _further(result, result.test)))
    if result.model_mb is None:
        rows.append(("predictions", str(folder / "predictions.npz")))
    else:
        rows.append(("model", f"{folder / 'model'}   spacy.load() opens it"))
        if result.choice is not None and result.choice.name != result.choice.model:
            rows.append(("in model/", _price(result.choice)))
    if result.classifier_mb is not None:
        rows.append(("predict", f"python -m lmao.predict --model {shlex.quote(str(folder))} texts.csv"))
    if review is not None:
        rows.append(("look at", f"{folder}/{review}"))
    return rows + closing(result, command)


def closing(result: Result | Encoded, command: str | None) -> list[tuple[str, str]]:
    """The rows that each run's summary ends with."""
    stages = ", ".join(f"{name} {duration(seconds)}" for name, seconds in result.seconds.items() if seconds >= 0.5)
    total = duration(sum(result.seconds.values())) + (f" ({stages})" if stages else "")
    rows = [("time", f"{total}   peak memory {result.peak_rss_mb / 1000:.2f} GB")]
    if result.mlflow_run_id is not None and command is not None:
        rows.append(("compare", f"{command}   (run {result.mlflow_run_id[:8]})"))
    return rows


def _beside(result: Result) -> str:
    """What the accuracy is to be compared with."""
    listed = f"   majority {result.majority:.3f}{_further(result, result.dev)}"
    if result.choice is None:
        return listed + "   baseline on the same labels: textcat=linear" * bool(result.textcat.records)
    if result.choice.control is None:
        return listed
    return f"   without pre-training {result.choice.control.dev_accuracy:.4f}{listed}"


def _further(result: Result, score: Score) -> str:
    raw = " (not calibrated)" * (result.temperature is None)
    return f"   macro F {score.macro_f:.3f}   calibration error {score.calibration_error:.3f}{raw}"


def _price(choice: ChoiceSummary) -> str:
    """What it costs that only one arm can be exported."""
    model = choice.arm(choice.model)
    return (
        f"the encoder alone ({model.name}): {model.accuracy:.3f} against {choice.accuracy:.3f} by cross-validation, "
        f"dev accuracy {model.dev_accuracy:.4f}"
    )


def _scored(score: Score) -> str:
    low, high = wilson_interval(score.accuracy, score.examples)
    return f"{score.accuracy:.4f}  (95%: {low:.3f} - {high:.3f}, n = {score.examples:,})"
