"""Texts on a command line: what people type reaches a run, what Hydra can read keeps its meaning."""

from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from lmao.config.overrides import quote, readable
from lmao.errors import UserError
from tests.support.processes import Place

NAMES = [
    "~/x.csv", "Reviews (1).csv", "a=b.csv", "ä.csv", "日本.csv", "it's.csv", "$x.csv", "{a}.csv", "[a].csv", "a&b.csv",
    "C:\\x\\new.csv", "ends in \\", 'say "hi".csv', "x#1;2!.csv", "label (1)", "étiquette", "2024", "1e5", "true",
    "postgresql://u:p@h/d?a=1&b='2'",
]  # fmt: skip
SETTINGS = [
    "data.path", "data.dev_path", "data.test_path", "data.unlabelled_path", "data.text_column", "data.label_column",
    "vectors.path", "vectors.target.path", "objective.parser", "tracking.uri", "hydra.sweeper.storage", "cache_dir",
    "pretrain.from",
]  # fmt: skip


def read(argument: str, *others: str) -> Any:
    """What Hydra makes of an argument."""
    return OverridesParser.create().parse_override(readable([argument, *others])[0]).value()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("others", [[], ["--multirun"]])
def test_a_name_reaches_the_setting_as_it_was_typed(name: str, others: list[str]) -> None:
    assert read(f"data.path={name}", *others) == name


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_that_takes_a_text_takes_such_names(setting: str) -> None:
    assert read(f"{setting}=Reviews (1).csv") == "Reviews (1).csv"
    assert readable([f"++{setting}=a=b"]) == [f"++{setting}='a=b'"]


@pytest.mark.parametrize(
    "argument",
    [
        "data.path=x.csv", "data.path=", "data.dev_path=null", "data.path='it\\'s.csv'", 'data.path="a,b.csv"',
        "data.path=${oc.env:HOME}/x.csv", "seed=1e5", "pretrain.epochs=[1", "data=files", "+experiment=a(1)",
        "--config-name", "data.path", "data.packages=[a,b]",
    ],
)  # fmt: skip
def test_what_hydra_reads_or_has_to_refuse_is_left_alone(argument: str) -> None:
    assert readable([argument]) == [argument]


@pytest.mark.parametrize("value", ["a.csv,b.csv", "choice(a.csv,b.csv)", "choice(~/a.csv,b.csv)", "glob(*)"])
def test_a_sweep_stays_a_sweep(value: str) -> None:
    assert readable(["-m", f"data.path={value}"]) == ["-m", f"data.path={value}"]


def test_files_decide_what_a_comma_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a,b.csv").touch()
    assert readable(["data.path=a,b.csv"]) == ["data.path='a,b.csv'"]
    assert readable(["-m", "data.path=a,b.csv"]) == ["-m", "data.path='a,b.csv'"]
    for name in ("c (1).csv", "it's.csv"):
        Path(name).touch()
    assert readable(["-m", "data.path=c (1).csv,it's.csv"]) == ["-m", "data.path='c (1).csv','it\\'s.csv'"]
    with pytest.raises(UserError) as caught:
        readable(["data.label_column=x,y"])
    assert str(caught.value) == (
        "data.label_column=x,y may be one text or several: write data.label_column='\"x,y\"' for one, "
        '--multirun sweep=grid data.label_column=\'"x","y"\' to try each'
    )


def test_a_file_whose_name_hydra_would_change_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("\\\\srv\\x.csv", " x.csv", "a\\ b.csv"):
        assert read(f"data.path={name}") != name
        Path(name).touch()
        assert read(f"data.path={name}") == name
    Path("${x}.csv").touch()
    assert read("data.path=${x}.csv") == "\\${x}.csv"  # which OmegaConf reads as the name


def test_the_home_folder_is_found_for_the_folders_that_hydra_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert read("hydra.run.dir=~/runs (1)/${now:%H}") == "/home/me/runs (1)/${now:%H}"


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 1e-12, 0.1, "glove", "true", "NaN", "12", "1e3", "a b", "it's", "\\", "a\\'b", "", "p://u:p@h/d?a=1&b='2'"],
)  # fmt: skip
def test_values_come_back_through_hydras_grammar(value: Any) -> None:
    read = OverridesParser.create().parse_override(f"key={quote(value)}")
    assert read.value() == value
    assert type(read.value()) is type(value)


@pytest.mark.parametrize("sweep", [[], ["--multirun", "sweep=grid", "seed=0,1"]])
def test_a_run_finds_such_a_file_and_column(sweep: list[str], tmp_path: Path, session_cache: Path) -> None:
    rows = [f"The {('wave', 'street')[i % 2]} was near {i}.,{('sea', 'city')[i % 2]}" for i in range(40)]
    name, column = "it's Reviews (1), ä=[b].csv", "étiquette (1)"
    (tmp_path / name).write_text("\n".join([f"text,{column}", *rows]), encoding="utf-8")
    settings = ["debug=tiny", "textcat=linear", "tracking=off", "data=files"]
    place = Place(tmp_path, session_cache)
    ended = place.finish(*settings, *sweep, f"data.path={name}", f"data.label_column={column}")
    assert (ended.code, ended.errors) == (0, "")
    assert "1.0000" in ended.output
