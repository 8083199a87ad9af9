"""The tables of results/: what is run for them, and what they say of what was not."""

import argparse
from collections.abc import Callable

from benchmarks import accuracy, grids, labels
from lmao.config import Config


def options(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"data": "/somewhere/aclImdb", "seeds": 2, "settings": [], "glove": "/a/g.txt"} | given)


def a_result(dev: float, test: float) -> dict[str, object]:
    return {
        "dev_accuracy": dev,
        "test": {"accuracy": test},
        "textcat": {"probe": {"dev_accuracy": 0.5}, "best_epoch": 1},
        "pretrain": {"words": 1_200_000, "seconds": 60.0, "words_per_second": 20_000.0},
        "seconds": {"encode": 600.0, "probe": 6.0, "textcat": 54.0},
        "parameters": 1000,
        "model_mb": 29.0,
        "threads": 1,
    }


def test_the_objectives_page_has_mean_and_spread_and_says_what_was_not_run() -> None:
    results = {"document-glove": {0: a_result(0.8, 0.8), 1: a_result(0.9, 0.8)}, "cosine-glove": {1: a_result(0.7, 0)}}
    page = accuracy.page(results, options())
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| ")}
    assert rows["document"].startswith("| document | 50.00 ± 0.00 | 85.00 ± 7.07 | not run |")
    assert rows["document"].endswith("| 20,000 | 1.0 |")  # what all runs share is left out
    assert "| 70.00 (n = 1) |" in rows["cosine"] and rows["vmf"].count("not run") == 6
    assert "    python -m benchmarks.accuracy --data aclImdb --glove g.txt --seeds 2\n" in page


def test_the_labels_page_has_test_accuracies_and_what_the_cnn_costs() -> None:
    results = {"cnn-1000": {0: a_result(0.5, 0.8), 1: a_result(0.5, 0.9)}, "cnn-1000-without": {0: a_result(0, 0.7)}}
    page = labels.page(results, options())
    assert "| 1,000 | not run | not run | 85.00 ± 7.07 |" in page
    assert "| 1,000, test texts left out | not run | not run | 70.00 (n = 1) |" in page
    assert "1,000 weights, 29 MB" in page and "1.0 minutes at 20,000 words/s" in page


def test_every_study_of_a_table_has_settings_that_fit(compose: Callable[..., Config]) -> None:
    found = {**accuracy.studies("g.txt"), **labels.studies()}
    assert len(found) == 5 + 7 * 3 + 4 * 3 + 2
    for settings in found.values():
        assert compose(*settings).data.name == "imdb"


def test_linear_models_are_spared_the_settings_of_fine_tuning() -> None:
    assert grids.fits("textcat.epochs=5", ["objective=cosine"])
    assert not grids.fits("textcat.epochs=5", ["textcat=linear"])
    assert grids.fits("data.dev_examples=5", ["textcat=linear"])
