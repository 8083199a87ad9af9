"""The reference of settings is whole: each setting is in it, with a comment that says what it means."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.settings_page import LAST, SKIPPED, read_options, settings_page, uncommented
from lmao.paths import ROOT

CONF = ROOT / "conf"
ROUND = """\
# A circle.
name: round
radius: 1   # in metres,
            # measured outside
edge:
  width: 2   # of the line
"""


def test_every_setting_has_a_comment() -> None:
    assert uncommented(read_options(CONF)) == []


def test_every_value_of_conf_is_read_as_yaml_reads_it() -> None:
    for option in read_options(CONF):
        path = CONF / option.group / f"{option.name}.yaml"
        text = path.read_text(encoding="utf-8")
        expected = {
            key: value for key, value in _leaves(yaml.safe_load(text) or {}, text).items() if not _is_hidden(key)
        }
        assert {setting.key: yaml.safe_load(setting.value) for setting in option.settings} == expected, path


def test_every_setting_is_on_the_page() -> None:
    page = settings_page(CONF)
    for option in read_options(CONF):
        assert not option.group or f"\n## {option.group}\n" in page
        for setting in option.settings:
            assert f"{setting.key}` |" in page, f"{option.group}/{option.name}: {setting.key}"


def test_groups_that_set_the_settings_of_others_come_last() -> None:
    page = settings_page(CONF)
    places = [page.index(f"\n## {group}\n") for group in ("data", "tracking", *LAST)]
    assert places == sorted(places)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    files = {
        "config.yaml": "defaults:\n  - shape: round\nseed: 0   # begins the streams\n",
        "shape/round.yaml": ROUND,
        "shape/small.yaml": "# A small one.\ndefaults:\n  - round\n  - _self_\nradius: 0.1\n",
        "experiment/both.yaml": "# @package _global_\n# Both.\nshape:\n  radius: 3\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_comment_goes_on_below_and_is_that_of_the_file_built_on(conf: Path) -> None:
    assert uncommented(read_options(conf)) == []
    page = settings_page(conf)
    assert "| `shape.radius` | `1` | `round` | in metres, measured outside |" in page
    assert "| `shape.radius` | `0.1` | `small` | in metres, measured outside |" in page
    assert "| `shape.edge.width` | `2` | `round` | of the line |" in page
    assert "| `round` | A circle. |" in page


@pytest.mark.parametrize(
    ("before", "after", "missing"),
    [
        ("   # of the line", "", "shape/round.yaml: edge.width"),
        ("# A circle.\n", "", "shape/round.yaml"),
        ("radius: 1   # in metres,\n            # measured outside\n", "radius: 1\n", "shape/round.yaml: radius"),
    ],
)
def test_what_lacks_a_comment_is_named(conf: Path, before: str, after: str, missing: str) -> None:
    path = conf / "shape" / "round.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(before, after), encoding="utf-8")
    assert text.count(before) == 1 and missing in uncommented(read_options(conf))


def test_only_hydras_own_files_are_left_out() -> None:
    assert {group.partition("/")[0] for group in SKIPPED} == {"hydra"}


def _leaves(values: Mapping[str, Any], text: str, prefix: str = "") -> dict[str, Any]:
    """Mappings in block style as dotted keys; one that the text has in braces, or with nothing in it, is a value."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name == "defaults":
            continue
        key = f"{prefix}{name}"
        in_block = isinstance(value, Mapping) and f"{name}: {{" not in text
        found |= _leaves(value, text, f"{key}.") if in_block else {key: value}
    return found


def _is_hidden(key: str) -> bool:
    return key.rpartition(".")[2] in {"name", "_target_", "params"}
