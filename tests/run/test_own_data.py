"""Whole runs on other inputs: one's own texts, other tables, folders that are not a run's."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lmao.config.run import Config
from lmao.console import Console
from lmao.errors import UserError
from lmao.run.experiment import run
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial
from tests.support.finished import Finished, predictions


@pytest.fixture(scope="module")
def own_texts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides for a CSV of three classes and unlabelled texts beside it."""
    folder = tmp_path_factory.mktemp("texts")
    words = {
        "sea": "wave tide ship fish salt",
        "city": "street tram market tower crowd",
        "wood": "tree moss deer owl fern",
    }
    generator = np.random.default_rng(0)

    def sentence(label: str) -> str:
        own = generator.choice(words[label].split(), 6)
        return f"The {' and the '.join(own)}, as we saw, was near."

    with (folder / "texts.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        rows.writerows([sentence(label), label] for _ in range(30) for label in words)
    (folder / "more.txt").write_text("\n".join(sentence(label) for _ in range(60) for label in words))
    return ["data=files", f"data.path={folder / 'texts.csv'}", f"data.unlabelled_path={folder / 'more.txt'}"]


def test_own_texts_with_three_classes_work_from_end_to_end(
    finished: Callable[..., Finished], own_texts: list[str]
) -> None:
    run = finished(*own_texts, "textcat.epochs=15", "textcat.patience=15", "optimizer.learn_rate=0.01")
    assert list(run.result.labels) == ["city", "sea", "wood"]
    assert np.shape(run.result.dev.confusion) == (3, 3)
    assert "270 texts to pre-train on" in run.output
    assert run.result.dev_accuracy > 0.8
    assert predictions(run.folder)["dev_scores"].shape == (18, 3)


def test_corrected_labels_take_texts_vectors_and_pretraining_from_the_cache(
    finished: Callable[..., Finished], own_texts: list[str], tmp_path: Path
) -> None:
    before = finished(*own_texts, "textcat.epochs=15", "textcat.patience=15", "optimizer.learn_rate=0.01")
    lines = Path(own_texts[1].partition("=")[2]).read_text().splitlines()
    lines[1:5] = [line.rpartition(",")[0] + ",city" for line in lines[1:5]]
    (tmp_path / "corrected.csv").write_text("\n".join(lines) + "\n")
    after = finished(own_texts[0], f"data.path={tmp_path / 'corrected.csv'}", own_texts[2], "textcat.epochs=1")
    assert after.result.pretrain is not None and before.result.pretrain is not None
    assert after.result.pretrain.cached == after.result.pretrain.epochs == before.result.pretrain.epochs
    assert [line.split()[0] for line in after.output.splitlines() if " · cached" in line] == [
        "encode", "vectors", "pretrain",
    ]  # fmt: skip
    assert after.result.digests["data"] != before.result.digests["data"]


def test_what_is_predicted_may_be_another_table_with_other_dimensions(
    finished: Callable[..., Finished], own_texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    words = ["the", "and", "wave", "tree", "tram", "was", "near", "saw", "owl", "crowd", "tide", ",", "."]
    rows = np.random.default_rng(0).normal(size=(len(words), 7))
    lines = [f"{word} {' '.join(f'{value:.4f}' for value in row)}" for word, row in zip(words, rows, strict=True)]
    path = tmp_path_factory.mktemp("vectors") / "small.vec"
    path.write_text(f"{len(words)} 7\n" + "\n".join(lines) + "\n")
    input_table = ["vectors=word2vec", f"vectors.path={path}"]
    same = finished(*own_texts, *input_table)
    other = finished(*own_texts, *input_table, "vectors@vectors.target=floret_tiny", "vectors.target.dims=12")
    assert same.result.digests["target"] == same.result.digests["vectors"] == other.result.digests["vectors"]
    assert other.result.digests["target"] != other.result.digests["vectors"]
    assert "word2vec 7-d" in other.output and "floret 12-d" in other.output
    assert same.result.pretrain is not None and other.result.pretrain is not None
    assert same.result.pretrain.loss != other.result.pretrain.loss


def test_a_window_predicts_its_own_vector_or_that_of_its_whole_text(finished: Callable[..., Finished]) -> None:
    """Which are the same where a text is a window."""
    losses = {}
    for longest in (8, 10_000):
        for of in ("window", "document"):
            run = finished("objective=document", f"objective.predict={of}", f"pretrain.window_words={longest}")
            assert run.result.pretrain is not None
            losses[of, longest] = run.result.pretrain.loss
    assert losses["window", 10_000] == losses["document", 10_000]
    assert losses["window", 8] != losses["document", 8]


def test_vectors_may_be_predicted_without_being_an_input(finished: Callable[..., Finished]) -> None:
    run = finished("encoder.static_vectors=false")
    assert "loaded 16 pre-trained arrays" in run.output
    with_them = finished()
    assert run.result.parameters < with_them.result.parameters


def test_a_folder_that_is_no_runs_is_left_alone(tiny: Config, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").write_text("mine")
    with StopSignal() as stop, pytest.raises(UserError, match=r"holds model, not of a run: choose another folder"):
        run(tiny, tmp_path, Console(), stop, NoTrial(), NullStore())
    assert (tmp_path / "model" / "mine.txt").read_text() == "mine"


def test_an_earlier_run_in_the_same_folder_leaves_nothing(compose: Callable[..., Config], tmp_path: Path) -> None:
    for epochs in (1, 0):
        with StopSignal() as stop:
            run(
                compose("debug=tiny", f"pretrain.epochs={epochs}", "textcat.epochs=1"),
                tmp_path,
                Console(),
                stop,
                NoTrial(),
                NullStore(),
            )
    assert not (tmp_path / "tok2vec.bin").exists()
    assert (tmp_path / "model" / "config.cfg").exists()


def test_an_unknown_language_is_one_line(compose: Callable[..., Config], tmp_path: Path) -> None:
    with (
        StopSignal() as stop,
        pytest.raises(UserError, match=r"data\.language: spaCy has no tokenizer for 'qq' here: give a language's code"),
    ):
        run(compose("debug=tiny", "data.language=qq"), tmp_path, Console(), stop, NoTrial(), NullStore())
