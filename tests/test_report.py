"""The report of studies that were filled through Optuna: what its tables say, and that its files are there whole."""

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from optuna.distributions import CategoricalDistribution, IntDistribution, distribution_to_json
from synthetic import SPACE, StudyMaker, right

from lmao.errors import UserError
from lmao.report.__main__ import report
from lmao.report.document import describe, markdown
from lmao.report.files import write_whole
from lmao.report.plots import STYLES
from lmao.report.rows import arrange
from lmao.studies import read_studies

ROOT = Path(__file__).parent.parent
TEST = {"data.include_test_text": True}


class Workplace:
    """A folder with a database, in which reports are made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage = f"sqlite:///{folder / 'optuna.db'}"

    def study(
        self, name: str, epochs: int, science: Mapping[str, object] | None = None, **attributes: Any
    ) -> StudyMaker:
        science = {"pretrain.epochs": epochs, "objective.name": "cosine", **TEST, **(science or {})}
        return StudyMaker(self.storage, name, self.folder, science=science, **attributes)

    def search(self, epochs: int, accuracies: Sequence[float], **attributes: Any) -> StudyMaker:
        maker = self.study(f"imdb-cosine-pretrain{epochs}", epochs, n_trials=len(accuracies), **attributes)
        for accuracy in accuracies:
            maker.complete(accuracy)
        return maker

    def rerun(self, of: StudyMaker, epochs: int, accuracy: float, seeds: int = 10, offset: int = 0) -> StudyMaker:
        name, trial = of.study.study_name, of.study.best_trial
        best = trial.params
        science = {"pretrain.epochs": epochs, "objective.name": "cosine", **TEST, **best}
        rerun = f"{name}-rerun{trial.number}"
        maker = self.study(rerun, epochs, science, n_trials=seeds, space={}, sampler="grid", rerun_of=name)
        judge(maker, accuracy, seeds, offset)
        return maker

    def linear(self, accuracy: float, seeds: int = 10) -> StudyMaker:
        science = {"textcat.name": "linear", "pretrain.epochs": 0}
        maker = self.study("imdb-linear-rerun", 0, science, n_trials=seeds, space={}, sampler="grid")
        judge(maker, accuracy, seeds)
        return maker

    def text(self) -> str:
        """What table.md says."""
        groups = arrange(read_studies(self.storage, "*"))
        return "\n\n".join(markdown(block) for group in groups for block in describe(group, "a command", "").blocks)

    def report(self) -> str:
        """The same, with all files."""
        report("*", self.storage, self.folder / "report")
        return (self.folder / "report" / "table.md").read_text(encoding="utf-8")

    def cells(self, text: str, title: str, row: str) -> list[str]:
        """A row of the table under a title."""
        section = text.split(f"### {title}", 1)[1].split("###", 1)[0]
        line = next(line for line in section.splitlines() if line.startswith(f"| {row} |"))
        return [cell.strip() for cell in line.strip("|").split("|")]


def judge(maker: StudyMaker, accuracy: float, seeds: int, offset: int = 0) -> None:
    """Seeds 1000 and on, each with its own dev documents; test documents are everybody's."""
    rng = np.random.default_rng(round(1e6 * accuracy))
    for seed in range(seeds):
        documents = np.random.default_rng(seed).permutation(2000)[:800] + offset
        maker.judge(right(rng, accuracy, 800), right(rng, accuracy, 3000), documents, seed=1000 + seed)


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


def test_the_original_table_and_what_the_best_settings_came_to(workplace: Workplace) -> None:
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


def test_a_loss_is_told_as_the_others_gain_and_equals_are_equivalent(workplace: Workplace) -> None:
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


def test_few_pairs_are_told_to_be_too_few(workplace: Workplace) -> None:
    for epochs in (0, 1):
        workplace.rerun(workplace.search(epochs, [0.8]), epochs, 0.8 + 0.1 * epochs, seeds=5)
    assert "5 pairs can't show a difference: their p is never below 0.0625." in workplace.text()


def test_pairs_that_are_too_few_for_so_many_comparisons_are_told(workplace: Workplace) -> None:
    for epochs in range(5):
        workplace.rerun(workplace.search(epochs, [0.8]), epochs, 0.7 + 0.05 * epochs, seeds=8)
    workplace.linear(0.6, seeds=8)
    text = workplace.text()  # 4 against the baseline, 5 against the linear model
    assert "8 pairs can't show a difference among 9 comparisons: their p is never below 0.0703." in text
    assert "| A better |" not in text


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
    assert "Runs made: 7 (7 complete), of them 5 to re-train best settings" in text


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


def test_test_labels_that_a_search_read_are_told(workplace: Workplace) -> None:
    maker = workplace.search(1, [0.8], evaluate_test=True)
    text = workplace.text()
    assert "Test labels: read in each run of imdb-cosine-pretrain1, which chose by dev all the same." in text
    workplace.rerun(maker, 1, 0.8, seeds=2)
    assert "Test labels: read once for each re-run, seeds 1000, 1001; read in each run of imdb-" in workplace.text()


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


def test_a_grid_that_was_changed_is_reported(workplace: Workplace) -> None:
    for epochs, choices in ((0, [2, 4]), (1, [16, 32])):
        space = {"textcat.batch_size": IntDistribution(2, 32)}
        maker = workplace.study(f"imdb-cosine-pretrain{epochs}", epochs, space=space, sampler="grid")
        for value in (8, 16):
            maker.complete(0.8 + 0.001 * value, {"textcat.batch_size": value})
        now = {"textcat.batch_size": distribution_to_json(CategoricalDistribution(choices))}
        maker.study.set_user_attr("space", now)
    text = workplace.report()
    assert "| textcat.batch_size | 8 | 80.80 (1) | 80.80 (1) |" in text
    assert "Space: textcat.batch_size 2, 4, 8, 16, 32." in text


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


def test_a_study_of_failures_alone_is_reported(workplace: Workplace) -> None:
    maker = workplace.study("imdb-cosine-pretrain1", 1, n_trials=3)
    for _ in range(3):
        maker.fail("can't reach postgresql://me:secret@host/db")
    text = workplace.report()
    assert workplace.cells(text, "Accuracy", "1 epoch")[:6] == ["1 epoch", "", "3", "3 / 0", "", ""]
    assert "imdb-cosine-pretrain1 0, 1, 2: can't reach postgresql://me:***@host/db" in text
    assert "secret" not in (workplace.folder / "report" / "runs.csv").read_text()


def test_an_empty_study_is_reported(workplace: Workplace) -> None:
    workplace.study("imdb-cosine-pretrain1", 1, n_trials=3)
    assert "has 0 of 3 runs" in workplace.report()


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


def test_the_order_beyond_the_luckiest_run(workplace: Workplace) -> None:
    workplace.search(0, [0.80, 0.80, 0.80, 0.90])  # one lucky run
    workplace.search(1, [0.85, 0.86, 0.87, 0.88])
    text = workplace.text()
    assert "The order by the luckiest run is Baseline (90.00) > 1 epoch (88.00). It does not hold at every k" in text
    assert "1 epoch is expected above Baseline at every k from 1 to 2; their 95% bands overlap at every k." in text


def test_bands_of_many_clear_runs_are_apart(workplace: Workplace) -> None:
    workplace.search(0, list(np.linspace(0.70, 0.74, 30)))
    workplace.search(1, list(np.linspace(0.90, 0.94, 30)))
    text = workplace.text()
    assert "It holds beyond that run" in text
    assert "the 95% bands are apart at some k." in text  # at k = 15 what lies above the best run seen is all there is


def test_curves_of_other_samplers_are_told_to_be_none(workplace: Workplace) -> None:
    workplace.search(0, [0.8, 0.81, 0.82, 0.83], sampler="tpe")
    workplace.search(1, [0.8, 0.81, 0.82, 0.83])
    text = workplace.text()
    assert "Baseline: its sampler (tpe) doesn't draw independently, so it has no best-of-k curve" in text
    assert "The order by the luckiest run" not in text


def test_a_search_by_another_sampler_has_no_curve(workplace: Workplace) -> None:
    workplace.search(0, [0.8, 0.81, 0.82, 0.83], sampler="tpe")
    text = workplace.report()
    assert "best_of_k.png" not in text
    assert not (workplace.folder / "report" / "best_of_k.png").exists()
    assert (workplace.folder / "report" / "history.png").exists()


def test_each_value_of_a_choice_and_each_quarter_of_a_range_has_its_best_three(workplace: Workplace) -> None:
    maker = workplace.search(1, list(np.linspace(0.80, 0.90, 40)))
    text = workplace.text()
    trials = maker.study.get_trials(deepcopy=False)
    of_eight = [trial.values[0] for trial in trials if trial.params["textcat.batch_size"] == 8]
    expected = f"{100 * np.mean(sorted(of_eight)[-3:]):.2f} ({len(of_eight)})"
    assert f"| textcat.batch_size | 8 | {expected} |" in text
    quarters = re.findall(r"\| optimizer.learn_rate \| [\d.e-]+ to [\d.e-]+ \| [\d.]+ \((\d+)\)", text)
    assert quarters == ["10"] * 4


def test_a_best_value_at_the_edge_is_told(workplace: Workplace) -> None:
    maker = workplace.study("imdb-cosine-pretrain1", 1)
    for rate, batch in ((0.0999, 8), (0.001, 32)):
        parameters = {"optimizer.learn_rate": rate, "textcat.dropout": 0.2, "textcat.batch_size": batch}
        maker.complete(0.8 + rate, parameters)
    line = next(line for line in workplace.text().splitlines() if "At the edge" in line)
    assert line == "- At the edge of the space: 1 epoch: optimizer.learn_rate = 0.0999 of 0.0001 to 0.1, log."


def test_rows_are_named_by_what_differs_and_tables_by_the_data(workplace: Workplace) -> None:
    for name, epochs, science in (
        ("a", 0, {"objective.name": "cosine", "pretrain.mask_rate": 0.15}),
        ("b", 2, {"objective.name": "cosine"}),
        ("c", 2, {"objective.name": "l2"}),
        ("d", 2, {"data.name": "docstrings"}),
    ):
        workplace.study(name, epochs, science).complete(0.8)
    workplace.study("e", 0, sampler="tpe").complete(0.7)
    text = workplace.report()
    assert re.findall("^## .*", text, re.MULTILINE) == ["## docstrings", "## imdb"]
    assert re.findall(r"^\| ([^|]*) \| [78]0.00 \|", text, re.MULTILINE) == [
        "2 epochs",
        "Baseline, random",
        "Baseline, tpe",
        "2 epochs, objective.name=cosine",
        "2 epochs, objective.name=l2",
    ]
    assert (workplace.folder / "report" / "imdb-history.png").exists()


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


def test_pretraining_from_the_cache_is_told_with_what_it_once_took(workplace: Workplace) -> None:
    trial = workplace.study("imdb-cosine-pretrain1", 1).judge(np.arange(10) > 0, None)
    path = Path(trial.user_attrs["folder"]) / "result.json"
    path.write_text(path.read_text().replace('"pretrain": 30.0', '"pretrain": 0.1'))
    assert workplace.cells(workplace.text(), "What one run takes", "1 epoch")[3:5] == ["1.0", "0.5"]


def test_a_folder_that_another_run_has_taken_is_not_believed(workplace: Workplace) -> None:
    maker = workplace.study("imdb-cosine-pretrain1", 1)
    trial = maker.judge(np.arange(10) > 0, None)
    path = Path(trial.user_attrs["folder"]) / "result.json"
    path.write_text(path.read_text().replace('"dev_accuracy": 0.9', '"dev_accuracy": 0.7'))
    text = workplace.text()
    assert "### What one run takes" not in text
    assert "imdb-cosine-pretrain1, trial 0: result.json has another accuracy, 0.7000" in text


def test_a_broken_file_is_left_out_and_told(workplace: Workplace) -> None:
    first = workplace.rerun(workplace.search(1, [0.8]), 1, 0.8, seeds=3)
    (first.folder / "1" / "predictions.npz").write_bytes(b"PK broken")
    text = workplace.text()
    assert "imdb-cosine-pretrain1-rerun0, trial 1: predictions.npz can't be read" in text


def test_results_of_another_machine_come_from_mlflow(workplace: Workplace) -> None:
    from lmao.mlflow_store import open_client

    uri = f"sqlite:///{workplace.folder / 'mlflow.db'}"
    client = open_client(uri)
    experiment = client.create_experiment("lmao", artifact_location=(workplace.folder / "artifacts").as_uri())
    maker = workplace.study("imdb-cosine-pretrain1", 1, tracking_uri=uri)
    run = client.create_run(experiment)
    folder = Path(maker.judge(np.arange(10) > 0, None, mlflow_run_id=run.info.run_id).user_attrs["folder"])
    client.log_artifact(run.info.run_id, str(folder / "result.json"))
    folder.rename(workplace.folder / "elsewhere")
    text = workplace.text()
    assert workplace.cells(text, "What one run takes", "1 epoch")[1] == "1,735,416"
    assert "Left out" not in text


def test_runs_csv_has_every_trial(workplace: Workplace) -> None:
    maker = workplace.study("imdb-cosine-pretrain2", 2)
    maker.judge(np.arange(10) > 0, None, mlflow_run_id="f00", reused="imdb/3")
    maker.prune([0.6, 0.7])
    lost = maker.fail("killed")
    maker.begin(replaces=lost.number)
    workplace.report()
    table = pd.read_csv(workplace.folder / "report" / "runs.csv")
    assert list(table["state"]) == ["complete", "pruned", "lost", "running"]
    assert set(SPACE) < set(table.columns)
    first = table.iloc[0]
    assert (first["study"], first["number"], first["dev_accuracy"], first["seed"]) == (
        maker.study.study_name,
        0,
        0.9,
        0,
    )
    assert (first["pretrain_epochs"], first["fine_tuning_epochs"], first["seconds"]) == (2, 5, 60)
    assert (first["run_id"], first["reused"], first["folder"]) == ("f00", "imdb/3", "imdb-cosine-pretrain2/0")
    assert table["reported_accuracy"][1] == 0.7
    assert np.isnan(table["dev_accuracy"][1])


def test_plots_are_png_and_svg_and_nothing_half_written_stays(workplace: Workplace) -> None:
    workplace.search(1, [0.8, 0.82, 0.83, 0.81])
    workplace.report()
    names = {path.name for path in (workplace.folder / "report").iterdir()}
    plots = {f"{name}.{kind}" for name in ("best_of_k", "history", "isolation", "boundary") for kind in ("png", "svg")}
    assert names == plots | {"runs.csv", "table.md"}
    for name in sorted(plots):
        content = (workplace.folder / "report" / name).read_bytes()
        assert content.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")
    assert imread(workplace.folder / "report" / "isolation.png").std() > 0


def test_a_second_report_of_the_same_trials_is_the_same(workplace: Workplace) -> None:
    baseline = workplace.search(0, [0.8, 0.82, 0.83, 0.81])
    workplace.rerun(baseline, 0, 0.8, seeds=3)
    workplace.linear(0.8, seeds=3)
    workplace.report()
    first = {path.name: path.read_bytes() for path in (workplace.folder / "report").iterdir()}
    workplace.report()
    assert first == {path.name: path.read_bytes() for path in (workplace.folder / "report").iterdir()}


def test_rows_differ_in_dashes_and_markers_and_not_in_colour_alone() -> None:
    assert len({style.marker for style in STYLES}) == len({style.line for style in STYLES}) == len(STYLES)
    greys = [np.dot(to_rgb(style.colour), (0.299, 0.587, 0.114)) for style in STYLES]
    assert max(greys) < 0.75  # to be seen on white


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    write_whole(path, b"old")
    with pytest.raises(TypeError):
        write_whole(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["table.md"]


def test_an_output_that_is_a_file_is_an_error(workplace: Workplace) -> None:
    workplace.search(1, [0.8])
    (workplace.folder / "report").write_text("")
    with pytest.raises(UserError, match="is a file: name a folder"):
        workplace.report()


def test_the_command_line_shows_the_table_and_errors_are_one_line(workplace: Workplace) -> None:
    workplace.search(1, [0.8])
    command = [sys.executable, "-m", "lmao.report", "--storage", workplace.storage, "--output", str(workplace.folder)]
    shown = subprocess.run([*command, "imdb*"], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0
    assert "| 1 epoch | 80.00 | 1 |" in shown.stdout
    assert "runs.csv" in shown.stdout.splitlines()[-1]
    assert "Written by `python -m lmao.report 'imdb*' --storage sqlite:///optuna.db`" in shown.stdout
    failed = subprocess.run([*command, "nothing*"], cwd=ROOT, capture_output=True, text=True)
    assert failed.returncode == 2
    assert re.fullmatch(r"error: no study in .* matches 'nothing\*'; there are: imdb-cosine-pretrain1\n", failed.stderr)
