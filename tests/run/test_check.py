"""python -m lmao.check: what a run would learn from, and an exit code that says whether it would be spoilt."""

import csv
from pathlib import Path

import numpy as np
import pytest

from lmao.check import check
from tests.support.processes import Place

WORDS = {"sea": "wave tide ship fish salt gull", "city": "street tram market tower crowd bus"}
OTHERS = [
    f"{a}{b}" for a in ("moor", "hill", "lamp", "stone", "glass") for b in ("man", "yard", "light", "line", "way")
]


def write(path: Path, copies: int = 0) -> Path:
    generator = np.random.default_rng(0)
    rows = []
    for i in range(240):
        label = ("sea", "city")[i % 2]
        words = generator.permutation([*WORDS[label].split(), *generator.choice(OTHERS, 20)])
        rows.append([f"The {' and the '.join(words)} were near.", label])
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *rows, *rows[:copies]])
    return path


def test_good_texts_pass_with_exit_code_0(tmp_path: Path, session_cache: Path) -> None:
    path = write(tmp_path / "Texts (1).csv")
    ended = Place(tmp_path, session_cache).finish_module("lmao.check", "data=files", f"data.path={path}", "threads=1")
    assert (ended.code, ended.errors) == (0, "")
    lines = ended.output.splitlines()
    assert lines[0].startswith("data       files · ") and lines[0].endswith(
        "2 labels: city 96, sea 96 · 192 train · 48 dev"
    )
    assert "train      192: city 96, sea 96 · 0 copies, " in ended.output
    assert lines[-1] == "check      nothing to warn of"
    assert not (tmp_path / "outputs").exists()


def test_what_spoils_a_result_is_exit_code_1(tmp_path: Path, session_cache: Path) -> None:
    train, dev = write(tmp_path / "train.csv"), write(tmp_path / "dev.csv")
    settings = ["data=files", f"data.path={train}", f"data.dev_path={dev}", "threads=1"]
    ended = Place(tmp_path, session_cache).finish_module("lmao.check", *settings)
    assert (ended.code, ended.errors) == (1, "")
    assert "warning: 240 of the 240 texts of dev are training texts, too: its accuracy is too high\n" in ended.output
    assert ended.output.splitlines()[-1] == "check      1 of 1 would spoil the result"


def test_texts_without_labels_are_looked_at(tmp_path: Path, session_cache: Path) -> None:
    path = tmp_path / "raw.txt"
    texts = [f"The {' and the '.join(OTHERS[i % 20 :][:5])} {i} were near." for i in range(100)]
    path.write_text("\n".join([*texts, *texts[:3]]))
    settings = ["data=files", f"data.unlabelled_path={path}", "threads=1"]
    ended = Place(tmp_path, session_cache).finish_module("lmao.check", *settings)
    assert (ended.code, ended.errors) == (0, "")
    names = [line.split()[0] for line in ended.output.splitlines()]
    assert names == ["data", "texts", "words", "pretrain", "check"]
    assert "pretrain   103: 3 copies, " in ended.output


def test_what_texts_are_written_in_is_told_with_what_it_may_have_caused(tmp_path: Path, session_cache: Path) -> None:
    path = tmp_path / "zh.csv"
    path.write_text("text,label\n" + "\u5f88\u597d\uff0c\u6211\u559c\u6b22,a\n" * 8)
    ended = Place(tmp_path, session_cache).finish_module("lmao.check", "data=files", f"data.path={path}", "threads=1")
    assert ended.code == 2 and "set data.language=zh" in ended.errors and ended.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["data=files"], "data.path has no value: data=files needs one, give data.path=…"),
        (["data=file"], "data has no option 'file'. Did you mean 'files'?"),
        (["-m", "seed=0,1"], "-m is no option of lmao.check: give it the settings of one run"),
        (["data=files", "data.path=no (1).csv"], "data.path: no (1).csv does not exist"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: list[str], line: str, tmp_path: Path, session_cache: Path
) -> None:
    ended = Place(tmp_path, session_cache).finish_module("lmao.check", *arguments)
    assert (ended.code, ended.output) == (2, "")
    assert ended.errors.startswith(f"error: {line}") and ended.errors.count("\n") == 1


def test_too_few_labels_for_a_run_are_told_after_what_was_found(tmp_path: Path, session_cache: Path) -> None:
    (tmp_path / "two.csv").write_text("text,label\na good one,pos\na bad one,neg\n")
    (tmp_path / "dev.csv").write_text("text,label\nanother good one,pos\n")
    paths = [f"data.path={tmp_path / 'two.csv'}", f"data.dev_path={tmp_path / 'dev.csv'}"]
    ended = Place(tmp_path, session_cache).finish_module("lmao.check", "data=files", *paths)
    assert ended.code == 2 and ended.errors.startswith("error: no label has two different training examples: ")
    assert "warning: 2 labels for 2 training examples, none with 2" in ended.output


def test_vectors_that_are_read_are_looked_up(
    tmp_path: Path, session_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "texts.csv")
    words = [f"{'the' if i == 0 else f'rare{i}'} 1 2" for i in range(5)]
    (tmp_path / "glove.txt").write_text("\n".join(words))
    table = ["vectors=glove", "vectors.dims=2", f"vectors.path={tmp_path / 'glove.txt'}"]
    assert check(["data=files", f"data.path={path}", "threads=1", *table])
    assert "only" in capsys.readouterr().out.partition("warning: vectors: ")[2]
