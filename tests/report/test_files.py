"""A report's files are complete, for odd studies too, and the command line shows them."""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from optuna.distributions import CategoricalDistribution, IntDistribution, distribution_to_json

from lmao.errors import UserError
from lmao.manifest import write_manifest
from lmao.report.files import RunFiles
from lmao.report.plots import STYLES
from lmao.report.runs import all_runs
from lmao.sweep.reading import read_studies
from tests.support.processes import Place
from tests.support.reports import Workplace
from tests.support.synthetic import SPACE


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


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


def test_a_search_by_another_sampler_has_no_curve(workplace: Workplace) -> None:
    workplace.search(0, [0.8, 0.81, 0.82, 0.83], sampler="tpe")
    (workplace.folder / "report").mkdir()
    (workplace.folder / "report" / "best_of_k.png").write_bytes(b"of an earlier report")
    text = workplace.report()
    assert "best_of_k.png" not in text
    assert not (workplace.folder / "report" / "best_of_k.png").exists()
    assert (workplace.folder / "report" / "history.png").exists()


def test_rows_are_named_by_what_differs_and_tables_by_the_data(workplace: Workplace) -> None:
    for name, epochs, science in (
        ("a", 0, {"objective.name": "cosine", "pretrain.mask_rate": 0.15}),
        ("b", 2, {"objective.name": "cosine"}),
        ("c", 2, {"objective.name": "l2"}),
        ("d", 2, {"data.name": "docstrings"}),
        ("f", None, {"objective.name": "cosine"}),
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
        "epochs by the corpus, objective.name=cosine",
    ]
    assert (workplace.folder / "report" / "imdb-history.png").exists()


def test_runs_csv_has_every_trial(workplace: Workplace) -> None:
    maker = workplace.study("imdb-cosine-pretrain2", 2)
    maker.judge(np.arange(10) > 0, None, mlflow_run_id="f00", reused="imdb/3")
    maker.prune([0.6, 0.7])
    lost = maker.fail("killed")
    maker.begin(replaces=lost.number)
    table = pd.read_csv(io.StringIO(all_runs(read_studies(workplace.storage, "*")).to_csv(index=False)))
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


def test_a_report_has_whole_files_and_a_second_one_is_the_same(workplace: Workplace) -> None:
    baseline = workplace.search(0, [0.8, 0.82, 0.83, 0.81])
    workplace.rerun(baseline, 0, 0.8, seeds=3)
    workplace.linear(0.8, seeds=3)
    workplace.report()
    first = {path.name: path.read_bytes() for path in (workplace.folder / "report").iterdir()}
    plots = {f"{name}.{kind}" for name in ("best_of_k", "history", "isolation", "boundary") for kind in ("png", "svg")}
    assert first.keys() == plots | {"runs.csv", "table.md", "report.html"}
    for name in sorted(plots):
        assert first[name].startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")
    assert imread(workplace.folder / "report" / "isolation.png").std() > 0
    workplace.report()
    assert first == {path.name: path.read_bytes() for path in (workplace.folder / "report").iterdir()}


def test_rows_differ_in_dashes_and_markers_and_not_in_colour_alone() -> None:
    assert len({style.marker for style in STYLES}) == len({style.line for style in STYLES}) == len(STYLES)
    greys = [np.dot(to_rgb(style.colour), (0.299, 0.587, 0.114)) for style in STYLES]
    assert max(greys) < 0.75  # to be seen on white


def test_an_output_that_is_a_file_is_an_error(workplace: Workplace) -> None:
    workplace.search(1, [0.8])
    (workplace.folder / "report").write_text("")
    with pytest.raises(UserError, match="is a file: name a folder"):
        workplace.report()


def test_the_command_line_shows_the_table_and_errors_are_one_line(workplace: Workplace) -> None:
    workplace.search(1, [0.8])
    place = Place(workplace.folder, workplace.folder)
    shown = place.finish_module("lmao.report", "--storage", workplace.storage, "imdb*")
    assert shown.code == 0
    assert "| 1 epoch | 80.00 | 1 |" in shown.output
    assert "runs.csv" in shown.output.splitlines()[-1]
    assert "Written by `python -m lmao.report 'imdb*' --storage sqlite:///optuna.db`" in shown.output
    failed = place.finish_module("lmao.report", "--storage", workplace.storage, "nothing*")
    assert failed.code == 2
    assert re.fullmatch(r"error: no study in .* matches 'nothing\*'; there are: imdb-cosine-pretrain1\n", failed.errors)


@pytest.mark.parametrize("sealed", [False, True])
def test_damaged_files_of_a_trial_are_named_and_left_out(sealed: bool, workplace: Workplace) -> None:
    """What numpy and zipfile raise is of many kinds; and what they read without a word isn't what the run wrote."""
    maker = workplace.study("imdb-cosine-pretrain1", 1)
    maker.judge(np.ones(40, dtype=bool), None)
    [study] = read_studies(workplace.storage, "*")
    [trial] = study.trials
    assert trial.folder is not None
    names = ("predictions.npz", "result.json")
    if sealed:
        write_manifest(trial.folder, names)
    whole = {name: (trial.folder / name).read_bytes() for name in names}
    rng = np.random.default_rng(0)
    for name in names:
        for _ in range(150):
            changed = bytearray(whole[name])
            changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
            (trial.folder / name).write_bytes(changed)
            files = RunFiles(workplace.folder)
            read = files.judged(study, trial, "dev") if name == "predictions.npz" else files.result(study, trial)
            assert read is None or not files.missing
            assert not sealed or files.missing == [f"{study.name}, trial 0: {name} is damaged ({name} has changed)"]
        (trial.folder / name).write_bytes(whole[name])
    assert RunFiles(workplace.folder).judged(study, trial, "dev") is not None


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
