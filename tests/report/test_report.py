"""What a report's tables say about studies that were filled through Optuna."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from optuna.distributions import IntDistribution

from lmao.report.rows import arrange
from lmao.sweep.reading import read_studies
from tests.support.reports import Workplace


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def test_points_of_a_grid_that_only_wait_are_no_runs(workplace: Workplace) -> None:
    maker = workplace.search(1, [0.8])
    maker.study.enqueue_trial({"textcat.batch_size": 8})
    assert "Runs made: 1 (1 complete), of them 0 to" in workplace.text()


def test_the_commits_are_those_of_the_trials(workplace: Workplace) -> None:
    maker = workplace.study("imdb-cosine-pretrain1", 1, commit="9999999999999")
    maker.complete(0.8)
    assert "Commit 9999999999." in workplace.text()
    maker.complete(0.8, code="1111111111111")
    maker.complete(0.8, code="2222222222222-dirty")
    assert "Commit 1111111111, 2222222222-dirty." in workplace.text()


def test_a_run_is_in_one_bin(workplace: Workplace) -> None:
    maker = workplace.study("imdb-cosine-pretrain1", 1, space={"encoder.depth": IntDistribution(1, 8)})
    for depth in (1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6):
        maker.complete(0.8, {"encoder.depth": depth})
    assert re.findall(r"\| encoder.depth \| (.*) to (.*) \| 80.00 \((\d+)\)", workplace.text()) == [
        ("1", "3", "10"),
        ("3", "6", "3"),
    ]


def test_an_unfinished_study_says_how_far_it_is(workplace: Workplace) -> None:
    maker = workplace.study("imdb-cosine-pretrain1", 1, n_trials=50)
    maker.complete(0.8)
    maker.begin()
    text = workplace.text()
    assert "**Unfinished**: imdb-cosine-pretrain1 has 1 of 50 runs, 1 running." in text
    assert workplace.cells(text, "Accuracy", "1 epoch")[1:3] == ["80.00", "1"]


def test_failures_count_as_chance_and_the_lost_do_not_count(workplace: Workplace) -> None:
    maker = workplace.study("imdb-cosine-pretrain1", 1, n_trials=4)
    maker.judge(np.arange(10) > 0, None)
    lost = maker.fail("killed")
    maker.complete(0.8, replaces=lost.number)
    for _ in range(3):
        maker.fail()
    maker.prune([0.6, 0.7])
    text = workplace.text()
    row = workplace.cells(text, "Accuracy", "1 epoch")
    assert row[1:6] == ["90.00", "6", "3 / 1", "80.00", "60.00"]  # 50, 50, 50, 70, 80, 90
    assert "chance, 50.0%" in text
    assert "1 more lost to kills and stops" in text


def test_each_value_of_a_choice_and_each_quarter_of_a_range_has_its_best_three(workplace: Workplace) -> None:
    maker = workplace.search(1, list(np.linspace(0.80, 0.90, 40)))
    text = workplace.text()
    trials = maker.study.get_trials(deepcopy=False)
    of_eight = [trial.values[0] for trial in trials if trial.params["textcat.batch_size"] == 8]
    expected = f"{100 * np.mean(sorted(of_eight)[-3:]):.2f} ({len(of_eight)})"
    assert f"| textcat.batch_size | 8 | {expected} |" in text
    quarters = re.findall(r"\| optimizer.learn_rate \| [\d.e-]+ to [\d.e-]+ \| [\d.]+ \((\d+)\)", text)
    assert quarters == ["10"] * 4


def test_three_best_values_at_one_edge_are_reported(workplace: Workplace) -> None:
    maker = workplace.study("imdb-cosine-pretrain1", 1)
    for rate, dropout, batch in ((0.0999, 0.2, 8), (0.0998, 0.5, 8), (0.0997, 0.0, 16), (0.001, 0.2, 32)):
        parameters = {"optimizer.learn_rate": rate, "textcat.dropout": dropout, "textcat.batch_size": batch}
        maker.complete(0.8 + rate, parameters)
    line = next(line for line in workplace.text().splitlines() if "At the edge" in line)
    values = "0.0997, 0.0998, 0.0999"
    assert line == f"- At the edge of the space: 1 epoch: optimizer.learn_rate = {values} of 0.0001 to 0.1, log."


def test_other_texts_have_a_table_of_their_own_where_they_are_known(workplace: Workplace) -> None:
    for name, attributes in (("films", {"inputs": {"data": "1"}}), ("mails", {"inputs": {"data": "2"}}), ("old", {})):
        workplace.study(name, 1, **attributes).complete(0.8)
    groups = arrange(read_studies(workplace.storage, "*"))
    assert [[study.name for study in group.studies] for group in groups] == [["films"], ["mails", "old"]]
    assert [group.title for group in groups] == ["imdb (films)", "imdb (mails)"]


def test_what_a_run_takes_comes_from_its_result(workplace: Workplace) -> None:
    workplace.study("imdb-cosine-pretrain1", 1).judge(np.arange(10) > 0, None)
    row = workplace.cells(workplace.text(), "What one run takes", "1 epoch")
    assert row == ["1 epoch", "1,735,416", "7.1", "1.0", "0.5", "41,000"]


def test_cached_pretraining_is_reported_with_the_time_it_once_took(workplace: Workplace) -> None:
    trial = workplace.study("imdb-cosine-pretrain1", 1).judge(np.arange(10) > 0, None)
    path = Path(trial.user_attrs["folder"]) / "result.json"
    path.write_text(path.read_text().replace('"pretrain": 30.0', '"pretrain": 0.1'))
    assert workplace.cells(workplace.text(), "What one run takes", "1 epoch")[3:5] == ["1.0", "0.5"]


def test_a_folder_that_another_run_has_taken_is_not_trusted(workplace: Workplace) -> None:
    maker = workplace.study("imdb-cosine-pretrain1", 1)
    trial = maker.judge(np.arange(10) > 0, None)
    path = Path(trial.user_attrs["folder"]) / "result.json"
    path.write_text(path.read_text().replace('"dev_accuracy": 0.9', '"dev_accuracy": 0.7'))
    text = workplace.text()
    assert "### What one run takes" not in text
    assert "imdb-cosine-pretrain1, trial 0: result.json has another accuracy, 0.7000" in text


def test_a_broken_file_is_left_out_and_reported(workplace: Workplace) -> None:
    first = workplace.rerun(workplace.search(1, [0.8]), 1, 0.8, seeds=3)
    (first.folder / "1" / "predictions.npz").write_bytes(b"PK broken")
    text = workplace.text()
    assert "imdb-cosine-pretrain1-rerun0, trial 1: predictions.npz can't be read" in text


@pytest.mark.parametrize("told", [True, False], ids=["told", "sent_later"])
def test_results_of_another_machine_come_from_mlflow(told: bool, workplace: Workplace, mlflow_database: Path) -> None:
    """Also those of a run that began while MLflow was away, so that Optuna was never told its id."""
    from lmao.tracking.mlflow_client import open_client

    uri = f"sqlite:///{shutil.copy(mlflow_database, workplace.folder)}"
    client = open_client(uri)
    experiment = client.create_experiment("lmao", artifact_location=(workplace.folder / "artifacts").as_uri())
    parent = client.create_run(experiment).info.run_id
    maker = workplace.study("imdb-cosine-pretrain1", 1, tracking_uri=uri, mlflow_run_id=parent)
    run = client.create_run(experiment, tags={"mlflow.parentRunId": parent, "trial": "0"})
    known = {"mlflow_run_id": run.info.run_id} if told else {}
    folder = Path(maker.judge(np.arange(10) > 0, None, **known).user_attrs["folder"])
    client.log_artifact(run.info.run_id, str(folder / "result.json"))
    folder.rename(workplace.folder / "elsewhere")
    text = workplace.text()
    assert workplace.cells(text, "What one run takes", "1 epoch")[1] == "1,735,416"
    assert "Left out" not in text
