"""Which arm a report says is better: re-runs, differences between them, and the order beyond the luckiest run."""

import re
from pathlib import Path

import numpy as np
import pytest
from optuna.distributions import FloatDistribution

from lmao.report.rows import arrange
from lmao.sweep.reading import read_studies
from tests.support.reports import Workplace


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def test_the_original_table_and_the_results_of_the_best_settings(workplace: Workplace) -> None:
    baseline = workplace.search(0, [0.80, 0.83, 0.85, 0.84])
    one = workplace.search(1, [0.86, 0.83, 0.88, 0.84])
    workplace.rerun(baseline, 0, 0.84)
    workplace.rerun(one, 1, 0.88)
    workplace.linear(0.80)
    text = workplace.text()
    assert workplace.cells(text, "Accuracy", "Baseline")[:7] == [
        "Baseline", "85.00", "4", "0 / 0", "84.00", "83.50", "random"
    ]  # fmt: skip
    row = workplace.cells(text, "Accuracy", "1 epoch")
    assert row[:6] == ["1 epoch", "88.00", "4", "0 / 0", "86.00", "85.00"]
    mean, deviation = map(float, re.fullmatch(r"(.*) ± (.*)", row[7]).groups())  # type: ignore[union-attr]
    assert mean == pytest.approx(88.0, abs=0.6)
    assert 0 < deviation < 2
    assert workplace.cells(text, "Accuracy", "Linear")[1] == ""
    section = text.split("### Differences")[1].split("###")[0]
    pairs = [line.split(" | ") for line in section.splitlines() if line.startswith(("| Baseline |", "| 1 epoch |"))]
    assert [pair[:3] for pair in pairs] == [
        ["| Baseline", "Linear", "10"], ["| 1 epoch", "Baseline", "10"], ["| 1 epoch", "Linear", "10"]
    ]  # fmt: skip
    assert [pair[5:] for pair in pairs] == [["0.006", "1.00", "A better |"]] * 3  # 2 / 1024, times three for Holm
    assert "seeds 1000 to 1009" in text
    assert "`python -m lmao.rerun imdb-cosine-pretrain1 --seeds=10`" in text


def test_a_loss_is_reported_as_the_others_gain_and_equals_are_equivalent(workplace: Workplace) -> None:
    baseline, one, two = (workplace.search(epochs, [0.85, 0.86]) for epochs in range(3))
    workplace.rerun(baseline, 0, 0.88)
    workplace.rerun(one, 1, 0.80)
    same = workplace.rerun(two, 2, 0.88)
    assert len(same.study.trials) == 10
    text = workplace.text()
    assert "| B better |" in text
    assert workplace.cells(text, "Differences", "2 epochs")[-1] == "equivalent"


def test_without_a_rerun_there_are_no_differences(workplace: Workplace) -> None:
    workplace.search(0, [0.80, 0.83])
    text = workplace.text()
    assert "### Differences" not in text
    assert "Test labels: not read." in text


def test_pairs_need_the_same_examples(workplace: Workplace) -> None:
    baseline, one = workplace.search(0, [0.8]), workplace.search(1, [0.8])
    workplace.rerun(baseline, 0, 0.8, seeds=3)
    workplace.rerun(one, 1, 0.8, seeds=3, offset=2)
    text = workplace.text()
    assert "1 epoch against Baseline: no two seeds judged the same examples in both." in text
    assert "### Differences" not in text


def test_predictions_that_are_not_here_are_no_other_examples(workplace: Workplace) -> None:
    for epochs in (0, 1):
        workplace.rerun(workplace.search(epochs, [0.8]), epochs, 0.8, seeds=3)
    for predictions in workplace.folder.glob("*-pretrain0-rerun*/*/predictions.npz"):
        predictions.unlink()
    text = workplace.text()
    assert "1 epoch against Baseline: no two seeds have their predictions.npz here in both." in text
    assert "predictions.npz is not on this machine" in text


def test_too_few_pairs_are_reported(workplace: Workplace) -> None:
    for epochs in (0, 1):
        workplace.rerun(workplace.search(epochs, [0.8]), epochs, 0.8 + 0.1 * epochs, seeds=5)
    assert "5 pairs can't show a difference: their p is never below 0.0625." in workplace.text()


def test_pairs_too_few_for_the_number_of_comparisons_are_reported(workplace: Workplace) -> None:
    for epochs in range(5):
        workplace.rerun(workplace.search(epochs, [0.8]), epochs, 0.7 + 0.05 * epochs, seeds=8)
    workplace.linear(0.6, seeds=8)
    text = workplace.text()  # 4 against the baseline, 5 against the linear model, and steps between others than these
    assert re.search(r"8 pairs can't show a difference among \d+ comparisons: their p is never below 0\.", text)
    assert "| A better |" not in text
    assert "could have shown" not in text.split("### Differences")[1].split("*A better*")[0]


def test_a_rerun_of_what_was_the_best_before_gives_way(workplace: Workplace) -> None:
    maker = workplace.search(1, [0.8])
    workplace.rerun(maker, 1, 0.8, seeds=3)
    assert "has since found a better setting" not in workplace.text()
    maker.complete(0.9)
    assert "1 epoch: the search has since found a better setting, trial 1, than was re-trained." in workplace.text()
    workplace.rerun(maker, 1, 0.9, seeds=2)
    text = workplace.text()
    assert "has since found a better setting" not in text
    assert workplace.cells(text, "Best settings", "1 epoch")[3] == "2"
    assert "Runs made: 7 (7 complete), of them 5 to re-train best settings. Runs" in text
    workplace.linear(0.8, seeds=2)
    assert (
        "Runs made: 9 (9 complete), of them 5 to re-train best settings and 2 of the linear model" in workplace.text()
    )


def test_fresh_seeds_confirm_each_step_of_the_order_by_the_luckiest_run(workplace: Workplace) -> None:
    for epochs, lucky, fresh in ((0, 0.80, 0.70), (1, 0.84, 0.90), (2, 0.88, 0.80)):
        workplace.rerun(workplace.search(epochs, [0.75, lucky]), epochs, fresh)
    section = workplace.text().split("### Differences")[1].split("\n\n")[1]
    pairs = [line.strip("| ").split(" | ") for line in section.splitlines()[2:]]
    assert [pair[:2] for pair in pairs] == [["1 epoch", "Baseline"], ["2 epochs", "Baseline"], ["2 epochs", "1 epoch"]]
    assert [pair[-1] for pair in pairs] == ["A better", "A better", "B better"]  # the last step is turned round


def test_a_row_shows_the_setting_that_was_trained_again(workplace: Workplace) -> None:
    maker = workplace.search(1, [0.8])
    workplace.rerun(maker, 1, 0.8, seeds=3)
    maker.complete(0.9)
    assert workplace.cells(workplace.text(), "Best settings", "1 epoch")[1:4:2] == ["0", "3"]


def test_a_pruned_trial_is_never_the_best(workplace: Workplace) -> None:
    for epochs, reported in ((0, [0.9, 0.5]), (1, [0.6, 0.9])):  # reports are of some of dev
        maker = workplace.search(epochs, [0.80, 0.81, 0.82, 0.80])
        maker.prune(reported)
    text = workplace.text()
    assert workplace.cells(text, "Accuracy", "Baseline")[1:6] == ["82.00", "5", "0 / 1", "81.00", "80.00"]
    assert workplace.cells(text, "Accuracy", "1 epoch")[1:6] == ["82.00", "5", "0 / 1", "81.67", "81.00"]
    assert "The order by the luckiest run is Baseline (82.00) = 1 epoch (82.00)." in text
    assert "the last that it had reported, and never as more than the best complete one" in text


def test_what_has_read_test_texts_without_pretraining_is_named(workplace: Workplace) -> None:
    workplace.search(1, [0.8])
    workplace.study("plain", 0, {"vectors.name": "glove"}).complete(0.8)
    assert "Rows without pre-training and the linear model have not read test texts." in workplace.text()
    for name, science in {
        "trained": {"vectors.name": "floret"},
        "lsa": {"textcat.name": "linear", "textcat.features": "lsa"},
        "ngrams": {"textcat.name": "linear", "textcat.features": "ngrams"},
    }.items():
        workplace.study(name, 0, science).complete(0.8)
    [line] = [line for line in workplace.text().splitlines() if "Without pre-training these have read them" in line]
    assert line.endswith(": Baseline, vectors.name=floret; Linear, textcat.features=lsa.")


def test_labels_that_stop_fine_tuning_are_reported(workplace: Workplace) -> None:
    science = {"textcat.init": "fresh", "textcat.early_stopping_examples": 1000}
    workplace.study("imdb-cosine-pretrain1", 1, science).complete(0.8)
    assert "Fine-tuning stopped by the accuracy on 1,000 labelled texts of dev" in workplace.text()


def test_the_linear_models_are_nobodys_baseline(workplace: Workplace) -> None:
    workplace.rerun(workplace.search(1, [0.8]), 1, 0.8)
    features = {"textcat.name": "linear", "textcat.features": "document", "pretrain.epochs": 0}
    workplace.study("imdb-linear-document", 0, features).complete(0.9)
    assert "| 1 epoch | Baseline" not in workplace.text()
    assert "### Beyond the luckiest run" not in workplace.text()


def test_searches_with_one_seed_are_compared_by_their_settings(workplace: Workplace) -> None:
    for epochs in (0, 1):
        maker = workplace.study(f"imdb-cosine-pretrain{epochs}", epochs, {"seed": 0})
        for number in range(8):
            maker.complete(0.7 + number / 100 + epochs / 10, seed=None)
    assert workplace.cells(workplace.text(), "Beyond the luckiest run", "1 epoch")[1:3] == ["Baseline", "8 of 8"]


def test_the_rerun_of_the_best_setting_is_chosen_else_the_latest(workplace: Workplace) -> None:
    maker = workplace.search(1, [0.8, 0.7])

    def rerun(number: int, trial: int) -> None:
        settings = maker.study.trials[trial].params
        name = f"imdb-cosine-pretrain1-rerun{number}"
        workplace.study(name, 1, settings, space={}, rerun_of="imdb-cosine-pretrain1")

    def chosen() -> str:
        ((row,),) = (group.rows for group in arrange(read_studies(workplace.storage, "*")))
        assert row.rerun is not None
        return row.rerun.name.removeprefix("imdb-cosine-pretrain1-")

    rerun(9, trial=1)
    rerun(12, trial=1)
    assert chosen() == "rerun12"
    rerun(0, trial=0)
    assert chosen() == "rerun0"


def test_test_labels_that_a_search_read_are_reported(workplace: Workplace) -> None:
    maker = workplace.search(1, [0.8], evaluate_test=True)
    text = workplace.text()
    assert "Test labels: read in each run of imdb-cosine-pretrain1, which chose by dev all the same." in text
    workplace.rerun(maker, 1, 0.8, seeds=2)
    assert "Test labels: read once for each re-run, seeds 1000, 1001; read in each run of imdb-" in workplace.text()


def test_the_order_beyond_the_luckiest_run(workplace: Workplace) -> None:
    rng = np.random.default_rng(0)
    settings = rng.normal(0.80, 0.02, 20)
    workplace.search(0, [*settings[1:], 0.90])  # one lucky run
    workplace.search(1, [*(settings[1:] + 0.02), 0.85])
    workplace.search(2, [*(settings[1:] + rng.normal(0.02, 0.003, 19)), 0.85])
    text = workplace.text()
    assert (
        "The order by the luckiest run is Baseline (90.00) > 1 epoch (85.00) = 2 epochs (85.00). Beyond that run, draw "
        "by draw, it is 1 epoch > Baseline (k = 1 of 10); luck is not ruled out between 1 epoch and 2 epochs."
    ) in text
    row = workplace.cells(text, "Beyond the luckiest run", "Baseline")
    assert row[1:3] == ["1 epoch", "1 of 20"]
    assert row[3].startswith("k=1: -1.65 [")
    assert row[4] == "B > A (k = 1 of 10)"
    assert workplace.cells(text, "Beyond the luckiest run", "2 epochs")[1] == "Baseline"


def test_an_order_that_holds(workplace: Workplace) -> None:
    settings = np.random.default_rng(0).normal(0.80, 0.02, 20)
    for epochs, gain in ((0, 0.0), (1, 0.01), (2, 0.02)):
        workplace.search(epochs, list(settings + gain))
    text = workplace.text()
    assert "2 epochs > 1 epoch holds (k = 1-5 of 10), 1 epoch > Baseline holds (k = 1-5 of 10)." in text
    assert "luck is not ruled out" not in text.split("### Beyond")[0]


def test_searches_are_compared_where_seeds_and_settings_are_the_same(workplace: Workplace) -> None:
    workplace.search(0, [0.80, 0.81, 0.82, 0.83, 0.84])
    other = workplace.study("imdb-cosine-pretrain1-other", 1, n_trials=5)  # its name makes it draw other settings
    for accuracy in (0.80, 0.81, 0.82, 0.83, 0.84):
        other.complete(accuracy)
    text = workplace.text()
    assert "takes two random searches with four draws of settings and seeds in common, or more." in text
    assert "### Beyond the luckiest run" not in text


def test_a_search_that_has_only_begun_is_named_and_more_runs_are_no_gain(workplace: Workplace) -> None:
    accuracies = np.linspace(0.7, 0.8, 12).tolist()
    workplace.search(0, accuracies)
    workplace.search(1, accuracies[:6])
    workplace.search(2, [0.95])
    text = workplace.text()
    assert "2 epochs: one finished run has no best-of-k curve." in text
    assert "The searches have 6 to 12 runs." in text
    row = workplace.cells(text, "Beyond the luckiest run", "Baseline")
    assert row[1:3] == ["1 epoch", "0 of 6"]
    assert row[3].startswith("k=1: +0.00 [+0.00, +0.00], 1.000")
    assert row[4] == "luck not ruled out"


def test_fresh_seeds_have_an_order_of_their_own(workplace: Workplace) -> None:
    for epochs, accuracy in ((0, 0.9), (1, 0.7), (2, 0.8)):
        workplace.rerun(workplace.search(epochs, [0.8, 0.81]), epochs, accuracy, seeds=3)
    assert "With fresh seeds the means of dev have the order Baseline > 2 epochs > 1 epoch." in workplace.text()


def test_one_pretraining_is_said_beside_the_verdicts(workplace: Workplace) -> None:
    for epochs in (0, 1):
        maker = workplace.search(epochs, [0.8])
        workplace.rerun(maker, epochs, 0.8, seeds=3)
    assert "start from one pre-training" not in workplace.text()
    searched = {"pretrain.learn_rate": FloatDistribution(0.001, 0.1)}
    workplace.study("imdb-cosine-pretrain3", 3, {"pretrain.seed": 0}, space=searched).complete(0.8)
    assert "start from one pre-training" not in workplace.text()  # each has its own rate
    workplace.study("imdb-cosine-pretrain2", 2, {"pretrain.seed": 0}).complete(0.8)
    verdicts = workplace.text().split("### Differences")[1].split("###")[0]
    assert "pretrain.seed=0: all runs of a row start from one pre-training" in verdicts


def test_other_samplers_are_reported_to_have_no_curves(workplace: Workplace) -> None:
    workplace.search(0, [0.8, 0.81, 0.82, 0.83], sampler="tpe")
    workplace.search(1, [0.8, 0.81, 0.82, 0.83])
    text = workplace.text()
    assert "Baseline: its sampler (tpe) doesn't draw independently, so it has no best-of-k curve" in text
    assert "The order by the luckiest run" not in text
