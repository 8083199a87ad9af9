"""The tables of results/: what is run for them, and what they say of what was not."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from benchmarks import accuracy, epochs, grids, labels
from benchmarks.exported import compare
from benchmarks.runs import Run, read, text_of
from lmao.config.run import Config
from lmao.errors import UserError


def options(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"data": "/somewhere/aclImdb", "seeds": 2, "settings": [], "glove": "/a/g.txt"} | given)


def a_run(study: str, seed: int, dev: float, test: float | None = None) -> Run:
    return Run(
        study, seed, dev, 0.5, test, fine_tuning_epochs=1, parameters=1000, model_mb=29.0, words=1_200_000,
        heldout_cosine=0.75, heldout_word_accuracy=0.2, pretrain_seconds=60.0, textcat_seconds=60.0,
        seconds=120.0, threads=1, code="abc", settings="data=imdb",
    )  # fmt: skip


def test_the_objectives_page_has_mean_and_spread_and_says_what_was_not_run() -> None:
    results = {
        "document-glove": [a_run("document-glove", 0, 0.8), a_run("document-glove", 1, 0.9)],
        "cosine-glove": [a_run("cosine-glove", 1, 0.7)],
    }
    page = accuracy.page(results, options())
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| ")}
    assert rows["document"].startswith("| document | 50.00 ± 0.00 | 85.00 ± 7.07 | not run |")
    assert rows["document"].endswith("| 20,000 | 2.0 |")
    assert "| 70.00 (n = 1) |" in rows["cosine"] and rows["vmf"].count("not run") == 6
    assert "    python -m benchmarks.accuracy --data aclImdb --glove g.txt --seeds 2\n" in page


def test_the_labels_page_has_test_accuracies_and_what_the_cnn_costs() -> None:
    results = {
        "n-grams-1000": [a_run("n-grams-1000", 0, 0.5, 0.6)],
        "cnn-1000": [a_run("cnn-1000", 0, 0.5, 0.8), a_run("cnn-1000", 1, 0.5, 0.9)],
        "cnn-1000-without": [a_run("cnn-1000-without", 0, 0.5, 0.7)],
        "cnn-100": [a_run("cnn-100", 0, 0.5)],
    }
    page = labels.page(results, options())
    assert "| 1,000 | 60.00 (n = 1) | not run | 85.00 ± 7.07 |" in page
    assert "| 1,000, test texts left out | 60.00 (n = 1) | not run | 70.00 (n = 1) |" in page
    assert "| 100 | not run | not run | not run |" in page
    assert "| 1,000 | 29 | 1.2 | 1.0 | " in page


def test_the_epochs_page_has_a_row_for_each_input_and_epoch_and_a_line_for_each_input() -> None:
    results = {
        "glove-0-tuned": [replace(a_run("glove-0-tuned", 0, 0.7), heldout_cosine=None, heldout_word_accuracy=None)],
        "glove-2-tuned": [a_run("glove-2-tuned", 0, 0.8), a_run("glove-2-tuned", 1, 0.9)],
        "glove-2-probe": [a_run("glove-2-probe", 0, 0.6)],
    }
    rows = [line for line in epochs.page(results, options()).splitlines() if line.startswith("| GloVe")]
    assert rows[2] == "| GloVe predicts GloVe | 2 | 0.750 | 20.0 | 50.00 (n = 1) | 85.00 ± 7.07 |"
    assert rows[5] == "| GloVe predicts floret | 0 |  |  | not run | 70.00 (n = 1) |"  # the same encoder as GloVe's
    fine_tuned = epochs.picture(results).axes[3]
    drawn = [np.asarray(line.get_xydata()).round(3).tolist() for line in fine_tuned.get_lines()]
    assert [[0, 0.7], [2, 0.85]] in drawn and [[0, 0.7]] in drawn


def test_workers_begin_with_different_studies() -> None:
    assert [grids._turned("abcde", worker, 2) for worker in range(2)] == [list("abcde"), list("cdeab")]
    assert grids._turned("a", 2, 3) == ["a"]


def test_every_study_of_a_table_has_settings_that_fit(compose: Callable[..., Config]) -> None:
    found = {**accuracy.studies("g.txt"), **labels.studies(), **epochs.studies("g.txt")}
    assert len(found) == 5 + 7 * 3 + 4 * 3 + 2 + 28
    for settings in found.values():
        assert compose(*settings).data.language == "en"


def test_linear_models_are_spared_the_settings_of_fine_tuning() -> None:
    typed = options(settings=["textcat.epochs=5", "data.dev_examples=5"])
    assert grids._settings(["objective=l2"], typed)[-2:] == ["textcat.epochs=5", "data.dev_examples=5"]
    assert grids._settings(["textcat=linear"], typed)[-1:] == ["data.dev_examples=5"]
    assert "textcat.epochs=5" not in grids._settings(["textcat=linear"], typed)


@pytest.fixture
def grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a grid of linear models in an empty folder; its page has their accuracies on dev."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(grids, "RESULTS", tmp_path / "results")
    studies = {"plain": ["debug=tiny", "textcat=linear", "data.pretrain_documents=null", "encoder.static_vectors=true"]}

    def page(results: grids.Results, given: argparse.Namespace) -> str:
        return f"{grids.accuracies([run.dev_accuracy for run in results['plain']], given.seeds)}\n"

    def made(*arguments: str) -> int:
        return grids.main("tried", studies, page, grids.parser("tried", None, 2).parse_args(arguments))

    return made


def test_a_grid_is_run_once_and_reported_with_the_settings_it_had(
    grid: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert grid("--report") == 2
    assert "error: no run of tried-* has finished yet" in capfd.readouterr().err
    assert grid("--workers", "2", "data.dev_examples=50") == 0
    runs = pd.read_csv(tmp_path / "results" / "tried" / "runs.csv")
    assert runs["study"].tolist() == ["tried-plain"] * 2 and runs["seed"].tolist() == [0, 1]
    page = (tmp_path / "results" / "tried" / "README.md").read_text()
    assert page.startswith(f"{100 * runs['dev_accuracy'].mean():.2f} ± ")
    assert page in capfd.readouterr().out
    assert grid("--report") == 2
    assert "tried-plain was run with data.dev_examples=50, not with less" in capfd.readouterr().err
    assert (tmp_path / "results" / "tried" / "README.md").read_text() == page
    (tmp_path / "optuna.db").unlink()  # on another machine
    assert grid("data.dev_examples=50") == 0
    assert not (tmp_path / "optuna.db").exists()  # nothing was left to run
    assert (tmp_path / "results" / "tried" / "README.md").read_text() == page


def test_other_studies_in_the_folder_are_left_alone(
    grid: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    optuna.create_study(storage=f"sqlite:///{tmp_path / 'optuna.db'}", study_name="another")
    assert grid("--report") == 2
    assert "error: no run of tried-* has finished yet" in capfd.readouterr().err


def test_what_fails_is_named_and_the_rest_is_run(grid: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    assert grid("data.no_such=1") == 2
    assert "data=docstrings has no setting 'no_such'" in capfd.readouterr().err
    assert grid("data.dev_examples") == 2
    assert "error: 'data.dev_examples' is not a setting: give name=value" in capfd.readouterr().err
    assert grid("--seeds", "1") == 2
    assert "give 2 seeds and a worker at least" in capfd.readouterr().err


def test_an_exported_model_is_asked_for_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not the folder of a run on IMDB"):
        compare(tmp_path, None)
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text("data: {name: imdb}")
    with pytest.raises(UserError, match="has no model"):
        compare(tmp_path, None)


def test_a_commit_of_digits_alone_is_read_as_it_was(tmp_path: Path) -> None:
    run = replace(a_run("s", 0, 0.5), code="0399914773")
    (tmp_path / "runs.csv").write_text(text_of([run]))
    assert [found.code for found in read(tmp_path / "runs.csv")] == [run.code]
