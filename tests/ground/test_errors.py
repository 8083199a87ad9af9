"""An error is one line of three separate parts, also when it comes from another process."""

import pickle
from pathlib import Path

import pytest

from lmao.errors import Diverged, Unavailable, UserError
from lmao.paths import ROOT


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (UserError("a.csv is empty"), "a.csv is empty"),
        (UserError("a.csv is empty", setting="data.path"), "data.path: a.csv is empty"),
        (UserError("a.csv is empty", advice="give another"), "a.csv is empty: give another"),
        (Unavailable("gone", setting="tracking.uri", advice="wait"), "tracking.uri: gone: wait"),
    ],
)
def test_the_line_says_the_setting_what_is_wrong_and_what_to_do(error: UserError, line: str) -> None:
    assert str(error) == line


def test_an_error_of_another_process_is_the_same() -> None:
    error = Diverged("loss is nan", setting="pretrain.learn_rate", advice="lower it")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is Diverged and str(copy) == str(error)
    assert (copy.what, copy.setting, copy.advice) == ("loss is nan", "pretrain.learn_rate", "lower it")


def texts() -> list[Path]:
    folders = [
        path for name in ("lmao", "benchmarks", "conf", "docs", "results", "tests") for path in (ROOT / name).rglob("*")
    ]
    files = [*folders, *ROOT.glob("*.md"), ROOT / "Makefile"]
    return [path for path in files if path.suffix in {".py", ".md", ".yaml", ""} and path.is_file()]


def test_no_text_has_strangers_code_installed_which_has_this_name_on_the_package_index() -> None:
    old = "install '" + "lmao"
    assert not [path for path in texts() if old in path.read_text(encoding="utf-8").replace('"', "'")]
    assert any(".[gpu]" in path.read_text(encoding="utf-8") for path in texts())
