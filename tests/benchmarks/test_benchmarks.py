"""What the benchmark compares is the same computation, on the texts of debug=tiny."""

import argparse
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks import versions
from benchmarks.__main__ import main, page
from benchmarks.finetuning import finetuning
from benchmarks.roofline import fine_tuning, prediction, pretraining_of, watched
from benchmarks.setting import Bench, open_bench, words_per_second
from benchmarks.speed import flops_a_word, full_flops_a_word
from benchmarks.stock import TOLERANCE, Stock
from benchmarks.table import Table, spread
from lmao.config.run import Config
from lmao.corpus.batches import Segments
from lmao.engine.team import Team
from lmao.errors import UserError
from lmao.pretrain.loop import Pretraining
from tests.support.recipes import WORDS

DOCUMENTS = np.arange(60)


@pytest.fixture(scope="module")
def bench(compose: Callable[..., Config]) -> Bench:
    without = ("pretrain.dropout=0", "pretrain.vector_dropout=0", "pretrain.mask_rate=0.15")
    return open_bench(compose("debug=tiny", *WORDS, *without))


@pytest.fixture
def pretraining(bench: Bench) -> Pretraining:
    return bench.pretraining(bench.settings, DOCUMENTS)


@pytest.fixture(scope="module")
def steps(bench: Bench) -> list[Segments]:
    return bench.batches(DOCUMENTS, 1)


def test_loss_and_every_gradient_are_those_of_stock_pretraining(
    bench: Bench, steps: list[Segments], pretraining: Pretraining
) -> None:
    stock = Stock(bench, steps)
    assert stock.difference(pretraining) < TOLERANCE / 10
    assert set(stock.places("cosine")) == set(pretraining.shapes)
    assert stock.words_per_second() > 0


def test_another_objective_is_noticed(bench: Bench, steps: list[Segments], compose: Callable[..., Config]) -> None:
    other = bench.pretraining(compose("debug=tiny", *WORDS, "objective=l2"), DOCUMENTS)
    assert Stock(bench, steps).difference(other) > TOLERANCE


def test_far_fewer_products_are_done_than_the_whole_model_has(steps: list[Segments], pretraining: Pretraining) -> None:
    done, full = flops_a_word(pretraining, steps), full_flops_a_word(pretraining)
    assert 0.1 * full < done < 0.6 * full
    with Team(1) as team:
        assert words_per_second(pretraining, team, steps) > 0


def test_a_ways_products_are_counted_and_its_time_is_told_apart(
    bench: Bench, steps: list[Segments], pretraining: Pretraining
) -> None:
    masked, predicted = pretraining_of("masked words", pretraining, steps), prediction(bench)
    flops, shares = watched(masked)
    assert flops == pytest.approx(flops_a_word(pretraining, steps), rel=0.01)
    assert sum(shares) == pytest.approx(1) and min(shares) > 0
    assert masked.bytes_a_word(2) == 6 / 5 * masked.bytes_a_word(1) > 0
    forward, alone = watched(predicted)
    assert 0 < forward < watched(fine_tuning(bench))[0] / 2
    assert alone[1] == alone[2] == predicted.bytes_a_word(1) == 0


def test_fine_tuning_is_timed_both_ways(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.finetuning.EXAMPLES", 12)
    monkeypatch.setattr("benchmarks.finetuning.JUDGES", 12)
    table = finetuning(bench, 1, 1)
    assert [row[0] for row in table.rows] == ["learn, row by row", "learn, rows together", "judge"]


def test_some_tables_alone_cannot_replace_the_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "--tables", "speed", "--write"])
    monkeypatch.setattr("benchmarks.__main__._measure", lambda options: pytest.fail("measured all the same"))
    with pytest.raises(SystemExit):
        main()
    assert "--write replaces the whole page" in capsys.readouterr().err


def test_the_page_has_its_command_without_folders() -> None:
    options = argparse.Namespace(data="/somewhere/aclImdb v1", rounds=3, threads=[1, 2])
    command = "python -m benchmarks --data 'aclImdb v1' --rounds 3 --threads 1 2 --write"
    assert f"Written by `{command}` on" in page([], options)


def test_two_commits_are_compared_by_stage_also_one_that_only_one_of_them_has() -> None:
    about = {"peak_rss_mb": 500.0, "dev_accuracy": 0.8}
    before, after = {"seconds": {"encode": 2.0, "old": 1.0}, **about}, {"seconds": {"encode": 1.0, "new": 3.0}, **about}
    rows = versions.table([(before, after)], ["a", "b"]).rows
    assert [row[0] for row in rows] == ["encode, s", "old, s", "new, s", "peak memory, MB", "dev accuracy"]
    assert rows[0][3] == "2.00 (2.00 – 2.00)" and rows[1][3] == ""


def test_a_commit_that_is_not_there_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^nowhere: .*nowhere.*: name two commits of this repository$"):
        versions.versions(["nowhere", "HEAD"], 1, [])


def test_a_table_is_markdown() -> None:
    table = Table("Speed", "Two rounds.", ["", "words/s"], [["ours", spread([1000, 3000])]])
    assert table.markdown().splitlines()[-3:] == ["|  | words/s |", "| --- | --- |", "| ours | 2,000 (1,000 – 3,000) |"]
