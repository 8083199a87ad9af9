"""`python -m lmao.report FOLDER`: the runs below a folder as a table, one row for each setting, seeds averaged."""

import argparse
import json
import re
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import OmegaConf

HEADER = ("setting", "seeds", "dev accuracy", "difference to the first row", "words/s", "minutes", "peak GB")
EVERYWHERE = ("seed", "hydra", "cache_dir", "tracking", "threads")  # settings that don't make another row


@dataclass(frozen=True)
class Run:
    setting: str  # what the command line changed, but for the seed
    seed: int
    accuracy: float
    words_per_second: float | None
    minutes: float
    peak_gb: float


def read_runs(folder: Path) -> list[Run]:
    """The finished runs below a folder, in the order of their settings and seeds."""
    runs = []
    for path in folder.rglob("result.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        overrides = OmegaConf.to_object(OmegaConf.load(path.parent / ".hydra" / "overrides.yaml"))
        assert isinstance(overrides, list)
        pretrain = result["pretrain"]
        runs.append(
            Run(
                setting=" ".join(sorted(str(o) for o in overrides if _group(str(o)) not in EVERYWHERE)),
                seed=result["seed"],
                accuracy=result["dev_accuracy"],
                words_per_second=pretrain["words_per_second"] if pretrain else None,
                minutes=sum(result["seconds"].values()) / 60,
                peak_gb=result["peak_rss_mb"] / 1000,
            )
        )
    return sorted(runs, key=lambda run: (run.setting, run.seed))


def _group(override: str) -> str:
    return re.split(r"[=.]", override.lstrip("+"))[0]


def table(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """Rows under HEADER: mean ± sample standard deviation; differences are between runs of the same seed."""
    settings = list(dict.fromkeys(run.setting for run in runs))
    common = set.intersection(*(set(setting.split(" ")) for setting in settings))
    first = {run.seed: run.accuracy for run in runs if run.setting == settings[0]}
    rows: list[tuple[str, ...]] = []
    for setting in settings:
        own = [run for run in runs if run.setting == setting]
        differences = [run.accuracy - first[run.seed] for run in own if run.seed in first]
        speeds = [run.words_per_second for run in own if run.words_per_second is not None]
        rows.append(
            (
                " ".join(word for word in setting.split(" ") if word not in common) or "(all the same)",
                str(len(own)),
                _spread([100 * run.accuracy for run in own]),
                "" if setting == settings[0] else _spread([100 * d for d in differences], "+"),
                f"{statistics.mean(speeds):,.0f}" if speeds else "",
                f"{statistics.mean(run.minutes for run in own):.1f}",
                f"{max(run.peak_gb for run in own):.2f}",
            )
        )
    return rows


def _spread(values: Sequence[float], sign: str = "") -> str:
    if not values:
        return ""
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):{sign}.2f}{spread}"


def _markdown(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lmao.report", description=__doc__)
    parser.add_argument("folder", type=Path, help="outputs/… or multirun/…")
    folder = parser.parse_args().folder
    runs = read_runs(folder)
    if not runs:
        print(f"error: no finished run below {folder}: look for result.json", file=sys.stderr)
        return 2
    print(_markdown([HEADER, ("---",) * len(HEADER), *table(runs)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
