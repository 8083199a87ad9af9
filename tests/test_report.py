"""The table of a folder of runs: seeds averaged, differences paired."""

import json
import subprocess
import sys
from pathlib import Path

from lmao.report import read_runs, table

ROOT = Path(__file__).parent.parent


def write_run(folder: Path, overrides: list[str], seed: int, accuracy: float, pretrained: bool) -> None:
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {o}\n" for o in overrides))
    result = {
        "dev_accuracy": accuracy,
        "seed": seed,
        "pretrain": {"words_per_second": 40000.0} if pretrained else None,
        "seconds": {"encode": 30.0, "textcat": 30.0},
        "peak_rss_mb": 500.0,
    }
    (folder / "result.json").write_text(json.dumps(result))


def test_seeds_are_averaged_and_differences_paired(tmp_path: Path) -> None:
    for seed, without, with_pretraining in ((0, 0.80, 0.82), (1, 0.70, 0.73), (2, 0.60, 0.64)):
        write_run(tmp_path / f"a{seed}", ["data=imdb", "pretrain.epochs=0", f"seed={seed}"], seed, without, False)
        write_run(
            tmp_path / f"b{seed}", ["data=imdb", "pretrain.epochs=1", f"seed={seed}"], seed, with_pretraining, True
        )
    assert table(read_runs(tmp_path)) == [
        ("pretrain.epochs=0", "3", "70.00 ± 10.00", "", "", "1.0", "0.50"),
        ("pretrain.epochs=1", "3", "73.00 ± 9.00", "+3.00 ± 1.00", "40,000", "1.0", "0.50"),
    ]


def test_an_unfinished_run_does_not_count_and_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "unfinished").mkdir()
    command = [sys.executable, "-m", "lmao.report", str(tmp_path)]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 2
    assert process.stderr == f"error: no finished run below {tmp_path}: look for result.json\n"
