"""A mistake at the command line is one line that says what to do, and exit code 2."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError

from lmao.config.run import Config
from lmao.errors import UserError
from lmao.explain import explain
from lmao.paths import CONF
from tests.support.processes import Place

CHDIR = "hydra.job.chdir=true: paths are relative to the folder you start from, and a run stays there: leave it out"


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("dta=imdb", "the config has no setting 'dta'. Did you mean 'data'? (python train.py --help lists them)"),
        (
            "data=imbd",
            "data has no option 'imbd'. Did you mean 'imdb'? "
            "There are: docbin, docstrings, docstrings_tiny, files, imdb, imdb_unsupervised, memory",
        ),
        (
            "+experiment=imdb_1l",
            "experiment has no option 'imdb_1l'. Did you mean 'imdb_1k'? There are: imdb_1k, imdb_document",
        ),
        (
            "data=files",
            "data.path has no value: data=files needs one, give data.path=…, "
            "or data.unlabelled_path=… alone to pre-train and nothing else",
        ),
        ("vectors.target=glove", "vectors.target is a group: choose it with vectors@vectors.target=glove"),
        ("~vectors@vectors.target", "vectors.target: field required"),
        ("objective.parts=1", "objective=document has no setting 'parts'. It belongs to objective=sum"),
        (
            "data.path=reviews.csv",
            "data=docstrings has no setting 'path'. It belongs to data=docbin or data=files or data=imdb or "
            "data=imdb_unsupervised",
        ),
        (
            "text_column=message",
            "the config has no setting 'text_column'. Did you mean data.text_column? "
            "(python train.py --help lists them)",
        ),
        (
            "epochs=3",
            "the config has no setting 'epochs'. Did you mean pretrain.epochs or textcat.epochs or vectors.epochs? "
            "(python train.py --help lists them)",
        ),
        (
            "pretrain.epochs=[1",
            "cannot read 'pretrain.epochs=[1': write setting=value, and quote what the shell or Hydra would split",
        ),
        (
            "pretrain.epochs=0,1",
            "pretrain.epochs=0,1 has several values: add --multirun sweep=grid to try each, "
            "or write [a,b] if it is one list",
        ),
        ("seed=${nothing}", "seed: Interpolation key 'nothing' not found"),
        (
            "data.packages.first=numpy",
            "the settings don't fit together: invalid literal for int() with base 10: 'first' "
            "(python train.py --help lists them)",
        ),
    ],
)
def test_a_mistake_is_explained(override: str, line: str, compose: Callable[..., Config]) -> None:
    with pytest.raises(Exception) as caught:
        compose(override)
    assert explain(caught.value) == line


def test_a_file_in_place_of_a_setting_is_shown_where_it_goes(
    compose: Callable[..., Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "news.csv").touch()
    for override in ("news.csv", "data=news.csv"):
        with pytest.raises(Exception) as caught:
            compose(override)
        line = explain(caught.value)
        assert line is not None
        assert line.endswith(": texts of your own are data=files data.path=news.csv")


@pytest.mark.parametrize("group", sorted(path.name for path in CONF.iterdir() if list(path.glob("*.yaml"))))
def test_a_setting_that_no_option_of_a_group_has_is_explained(group: str) -> None:
    parent = OmegaConf.create({"name": "chosen"})
    error = ConfigAttributeError()
    error.full_key, error.parent_node = f"{group}.xyzzy", parent
    hydra = HydraException()
    hydra.__cause__ = error
    assert explain(hydra) == f"{group}=chosen has no setting 'xyzzy'. (python train.py --help lists them)"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["pretrain.epoch=2"],
            "pretrain has no setting 'epoch'. Did you mean 'epochs'? (python train.py --help lists them)",
        ),
        (
            ["-m", "data=imdb,imbd"],
            "data has no option 'imbd'. Did you mean 'imdb'? "
            "There are: docbin, docstrings, docstrings_tiny, files, imdb, imdb_unsupervised, memory",
        ),
        (
            ["textcat=linear", "textcat.epochs=2"],
            "textcat=linear has no setting 'epochs'. It belongs to textcat=auto or textcat=auto_tiny or textcat=cnn or "
            "textcat=cnn_fresh or textcat=cnn_tiny",
        ),
        (["seed=???"], "seed has no value: give seed=…"),
        (["hydra.job.chdir=true"], CHDIR),
        (["-m", "sweep=grid", "seed=0,1", "hydra.job.chdir=true"], CHDIR),
        (["seed=-1"], "seed: input should be greater than or equal to 0, not -1"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(arguments: list[str], line: str, tmp_path: Path) -> None:
    ended = Place(tmp_path, tmp_path).finish(*arguments)
    assert (ended.code, ended.output, ended.errors) == (2, "", f"error: {line}\n")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: [1\n", "own.yaml:2 is no YAML: "),
        (b"a:\n\tb: 1\n", "own.yaml:2 is no YAML: "),
        (b"seed: 1\nseed: 2\n", "own.yaml:2 is no YAML: found duplicate key seed"),
        (b"caf\xe9: 1\n", "own.yaml is not UTF-8 (byte 3): save it as UTF-8"),
    ],
)
def test_a_mistake_in_a_users_own_yaml_is_one_line(content: bytes, line: str, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_bytes(content)
    ended = Place(tmp_path, tmp_path).finish(f"--config-dir={tmp_path}", "+experiment=own")
    assert ended.code == 2 and ended.errors.count("\n") == 1
    assert f"experiment/{line}" in ended.errors


def test_a_folder_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "else")
    for folder in ("file", "file/in", "link"):
        ended = Place(tmp_path, tmp_path).finish(f"hydra.run.dir={folder}")
        assert (ended.code, ended.errors) == (2, f"error: {folder}: there is a file where a folder should be\n")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
def test_a_folder_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    ended = Place(tmp_path, tmp_path).finish("hydra.run.dir=/proc/nothing/run")
    assert (ended.code, ended.errors) == (2, "error: /proc/nothing: no folder can be made there\n")


COMMANDS = ("predict", "suggest", "fill", "status", "report.__main__", "rerun", "sync")
MISTYPED = [(name, ["--nope"]) for name in COMMANDS] + [("suggest", ["--model=a", "b", "--n=x"])]


@pytest.mark.parametrize(("module", "arguments"), MISTYPED)
def test_an_option_that_a_command_has_not_is_one_line(
    module: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", [module, *arguments])
    with pytest.raises(SystemExit) as ended:
        import_module(f"lmao.{module}").main()
    shown = capsys.readouterr()
    assert ended.value.code == 2 and shown.out == ""
    assert shown.err.startswith("error: ") and shown.err.count("\n") == 1
    assert shown.err.endswith(f"(python -m lmao.{module.removesuffix('.__main__')} --help lists the options)\n")


def test_no_message_is_empty_or_long_or_of_two_lines() -> None:
    for message in ("", "x" * 10_000, "one\ntwo", "\x1b[31mred", "\n"):
        line = explain(UserError(message))
        assert line and len(f"error: {line}") <= 500 and line.isprintable()
    assert explain(UserError("what " * 200, advice="the advice")).endswith("the advice")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("hydra.sweeper.sampler=null", "hydra.sweeper.sampler: there is none: choose one with sweep="),
        ("space=extend_list(1)", "the settings don't fit together: "),
        ("hydra.sweeper.params=3", "hydra.sweeper.params: 3 is no space: choose one with space=full or finetuning"),
        ("hydra.sweep.dir=file", "hydra.sweep.dir: "),
    ],
)
def test_a_mistake_in_a_sweeps_settings_is_one_line(
    argument: str, line: str, tmp_path: Path, session_cache: Path
) -> None:
    (tmp_path / "file").touch()
    ended = Place(tmp_path, session_cache).finish("-m", "debug=tiny", "tracking=off", argument)
    assert (ended.code, ended.output, ended.errors.count("\n")) == (2, "", 1)
    assert line in ended.errors


def test_a_bad_job_of_a_sweep_is_named(tmp_path: Path) -> None:
    ended = Place(tmp_path, tmp_path).finish("--multirun", "sweep=basic", "seed=-1")
    assert ended.code == 2
    assert "seed=-1" in ended.errors
    assert ended.errors.endswith("error: seed: input should be greater than or equal to 0, not -1\n")
    assert "Traceback" not in ended.errors
