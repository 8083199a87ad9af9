"""Train, dev and test: disjoint, drawn by seed, refused where there are too few."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lmao.config.data import Docstrings, Files, Imdb
from lmao.data.document import Part
from lmao.data.splits import Splits, split
from lmao.errors import UserError
from tests.support.sources import LABELS, docstrings, files, imdb


def corpus(train: int = 40, dev: int = 0, test: int = 0, raw: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    counts = [train, dev, test, raw]
    parts = np.repeat(np.arange(4, dtype=np.uint8), counts)
    labels = (np.arange(len(parts)) % 2).astype(np.int32)
    labels[parts == Part.UNLABELLED] = -1
    return parts, labels


def draw(
    config: Imdb | Files | Docstrings, sizes: dict[str, int], seed: int = 0, evaluate_test: bool = False
) -> Splits:
    parts, labels = corpus(**sizes)
    return split(config, parts, labels, np.arange(len(parts)), LABELS, np.random.default_rng(seed), evaluate_test)


def refusal(config: Imdb | Files | Docstrings, sizes: dict[str, int], evaluate_test: bool = False) -> str:
    with pytest.raises(UserError) as caught:
        draw(config, sizes, 0, evaluate_test)
    return str(caught.value)


def test_split_train_and_dev_are_disjoint_and_drawn_by_seed() -> None:
    config = imdb(None, train_examples=10, dev_examples=20)
    first, again, other = (draw(config, {"train": 40, "test": 6}, seed) for seed in (1, 1, 2))
    assert len(first.train.documents) == 10 and len(first.dev.documents) == 20
    assert not set(first.train.documents) & set(first.dev.documents)
    assert np.array_equal(first.train.documents, again.train.documents)
    assert set(first.train.documents) != set(other.train.documents)
    assert np.array_equal(first.train.labels, first.train.documents % 2)
    assert first.train.documents.dtype == np.int64 and first.train.labels.dtype == np.int32


def test_split_more_training_examples_contain_fewer() -> None:
    few, many = (draw(imdb(None, train_examples=n, dev_examples=10), {"train": 40}) for n in (10, 30))
    assert np.array_equal(many.train.documents[:10], few.train.documents)
    assert np.array_equal(many.dev.documents, few.dev.documents)


def test_split_null_takes_a_fifth_for_dev_and_the_rest_for_training() -> None:
    drawn = draw(imdb(None), {"train": 40})
    assert (len(drawn.train.documents), len(drawn.dev.documents)) == (32, 8)
    drawn = draw(imdb(None, dev_examples=30), {"train": 40})
    assert (len(drawn.train.documents), len(drawn.dev.documents)) == (10, 30)


def test_split_dev_file_serves_as_dev() -> None:
    sizes = {"train": 40, "dev": 10}
    drawn = draw(files(Path("unread")), sizes)
    assert set(drawn.dev.documents) == set(range(40, 50)) and len(drawn.train.documents) == 40
    drawn = draw(files(Path("unread"), dev_examples=5), sizes)
    assert len(set(drawn.dev.documents)) == 5 and set(drawn.dev.documents) <= set(range(40, 50))
    assert "data.dev_examples=11" in refusal(files(Path("unread"), dev_examples=11), sizes)
    assert "data.train_examples=41" in refusal(files(Path("unread"), train_examples=41), sizes)


def test_split_test_is_there_only_when_asked_for() -> None:
    sizes = {"train": 40, "test": 6}
    assert draw(imdb(None), sizes).test is None
    examples = draw(imdb(None), sizes, evaluate_test=True).test
    assert examples is not None and np.array_equal(examples.documents, np.arange(40, 46))
    assert "give data.test_path" in refusal(imdb(None), {"train": 40}, evaluate_test=True)


def test_split_pretraining_leaves_test_texts_out_unless_told_otherwise() -> None:
    sizes = {"train": 40, "dev": 4, "test": 6, "raw": 5}
    without = np.r_[0:44, 50:55]
    assert np.array_equal(draw(imdb(None, include_test_text=True), sizes).pretrain, np.arange(55))
    assert np.array_equal(draw(imdb(None, include_test_text=False), sizes).pretrain, without)
    assert np.array_equal(draw(docstrings(), sizes).pretrain, without)


def test_split_says_what_of_test_is_read_before() -> None:
    """Documents 0 to 39 are labelled, 40 to 43 dev, 44 to 49 test, 50 to 54 unlabelled."""
    parts, labels = corpus(40, 4, 6, 5)
    copies = np.arange(55)
    copies[[44, 45]], copies[[50, 51, 52]], copies[46] = [40, 41], [44, 47, 48], 0
    for config in (docstrings(), imdb(None, include_test_text=True)):
        drawn = split(config, parts, labels, copies, LABELS, np.random.default_rng(0), evaluate_test=True)
        told = [finding.text for finding in drawn.findings if "test" in finding.text]
        own = "2 of the 6 texts of test are texts of dev, too: what was chosen by them is judged by them"
        assert own in told
        assert any("have copies among those to pre-train on" in text for text in told) == (config.name == "docstrings")


def test_split_names_the_setting_only_where_it_was_set() -> None:
    parts, labels = corpus(40)
    copies = np.zeros(40, np.int64)
    for asked, said in ((None, "0 labelled"), (1, "data.train_examples: 0 labelled")):
        config = docstrings(draw="stratified", train_examples=asked)
        with pytest.raises(UserError) as caught:
            split(config, parts, labels, copies, LABELS, np.random.default_rng(0), False)
        assert str(caught.value).startswith(said)


def test_split_pretraining_subset_does_not_change_train_and_dev() -> None:
    whole = draw(imdb(None), {"train": 40, "raw": 20})
    subset = draw(imdb(None, pretrain_documents=15), {"train": 40, "raw": 20})
    assert np.array_equal(whole.train.documents, subset.train.documents)
    assert len(set(subset.pretrain)) == 15 and np.all(np.diff(subset.pretrain) > 0)
    assert "data.pretrain_documents=61" in refusal(imdb(None, pretrain_documents=61), {"train": 40, "raw": 20})


def test_split_too_few_examples_names_keys_and_counts() -> None:
    said = refusal(imdb(None, train_examples=1000, dev_examples=10_000), {"train": 40})
    assert "data.train_examples=1000" in said and "data.dev_examples=10000" in said and "40" in said
    assert "data.dev_examples=40" in refusal(imdb(None, dev_examples=40), {"train": 40})


def test_split_needs_two_classes() -> None:
    parts, labels = corpus(40)
    for changed, expected in ((np.zeros_like(labels), "only the class 'neg'"), (np.full_like(labels, -1), "no label")):
        with pytest.raises(UserError, match=expected):
            split(imdb(None), parts, changed, np.arange(40), LABELS, np.random.default_rng(0), False)


NAMES = [f"class {label}" for label in range(6)]
COUNTS = [300, 100, 60, 30, 9, 1]


def skewed(config: Imdb | Files | Docstrings, seed: int) -> Splits:
    labels = np.repeat(np.arange(6, dtype=np.int32), COUNTS)
    parts = np.zeros(len(labels), dtype=np.uint8)
    return split(config, parts, labels, np.arange(len(labels)), NAMES, np.random.default_rng(seed), False)


@pytest.mark.parametrize("seed", range(20))
def test_stratified_splits_have_every_class_in_its_share(seed: int) -> None:
    drawn = skewed(files(Path("unread"), train_examples=100, draw="stratified"), seed)
    assert len(drawn.train.labels) == 100 and len(drawn.dev.labels) == 100
    for examples in (drawn.train, drawn.dev):
        counts = np.bincount(examples.labels, minlength=6)
        np.testing.assert_allclose(counts, np.array(COUNTS) / 5, atol=1.6)
    assert np.bincount(drawn.train.labels, minlength=6).min() == 1  # also the class that has a single example
    assert drawn.findings[0].text.startswith("one training example of 'class 5'")
    few = skewed(files(Path("unread"), train_examples=20, draw="stratified"), seed)
    assert np.array_equal(few.train.documents, drawn.train.documents[:20])


def test_balanced_splits_have_as_many_of_each_class_to_train_on_and_dev_as_it_is() -> None:
    drawn = skewed(files(Path("unread"), train_examples=50, draw="balanced"), 0)
    assert np.bincount(drawn.train.labels, minlength=6).tolist() == [11, 11, 10, 10, 7, 1]
    stratified = skewed(files(Path("unread"), train_examples=50, draw="stratified"), 0)
    assert np.array_equal(drawn.dev.documents, stratified.dev.documents)


def test_a_class_without_a_training_example_is_named_and_not_fatal() -> None:
    drawn = skewed(files(Path("unread"), train_examples=4, draw="shuffled"), 0)
    assert any(found.text.startswith("no training example of 'class") for found in drawn.findings)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"dev_examples": 40}, "data.dev_examples=40 take"),
        ({"train_examples": 30, "dev_examples": 20}, "data.train_examples=30 and data.dev_examples=20 take"),
    ],
)
def test_more_than_there_are_is_said_of_what_was_asked(asked: dict[str, int], said: str) -> None:
    parts, labels = corpus(40)
    with pytest.raises(UserError, match=rf"^{said} more than the \d+ labelled training documents there are: lower"):
        split(files(Path("unread"), **asked), parts, labels, np.arange(40), LABELS, np.random.default_rng(0), False)


def test_a_column_that_is_not_of_labels_is_named_as_such() -> None:
    parts, names = np.zeros(40, dtype=np.uint8), [f"text {i}" for i in range(40)]
    labels, rng = np.arange(40, dtype=np.int32), np.random.default_rng(0)
    found = split(files(Path("unread")), parts, labels, np.arange(40), names, rng, False).findings
    assert [one.text for one in found] == [
        "40 labels for 32 training examples, none with 2: add examples, if these are labels at all"
    ]
    assert found[0].spoils


def test_a_label_that_programs_write_for_none_is_doubted() -> None:
    parts, labels = corpus(40)
    drawn = split(imdb(None), parts, labels, np.arange(40), ["good", "NaN"], np.random.default_rng(0), False)
    assert "the label 'NaN' looks like a missing one: such texts can be pre-trained on" in [
        one.text for one in drawn.findings
    ]


@pytest.mark.parametrize("draw", ["stratified", "balanced"])
@pytest.mark.parametrize("seed", range(5))
def test_copies_of_a_text_stay_on_one_side(draw: str, seed: int) -> None:
    texts = np.repeat(np.arange(60), 5)
    labels = np.random.default_rng(seed).integers(2, size=60).astype(np.int32)[texts]
    parts = np.zeros(300, dtype=np.uint8)
    generator = np.random.default_rng(seed)
    drawn = split(files(Path("unread"), draw=draw), parts, labels, texts, LABELS, generator, False)
    assert not set(texts[drawn.train.documents]) & set(texts[drawn.dev.documents])
    assert len(drawn.train.documents) + len(drawn.dev.documents) >= 296
    assert [finding.text for finding in drawn.findings] == ["60 texts occur more than once"]


@pytest.mark.parametrize("evaluate_test", [True, False])
def test_copies_on_both_sides_are_counted(evaluate_test: bool) -> None:
    parts, labels = corpus(train=40, dev=10, test=10)
    copies = np.arange(60)
    copies[[40, 41, 52]] = [3, 4, 5]  # two texts of dev and one of test are training texts
    config = files(Path("unread"), draw="stratified")
    drawn = split(config, parts, labels, copies, LABELS, np.random.default_rng(0), evaluate_test)
    assert [finding.text for finding in drawn.findings] == [
        "2 of the 10 texts of dev are training texts, too: its accuracy is too high",
        "1 of the 10 texts of test are training texts, too: its accuracy is too high",
    ]


@pytest.mark.parametrize("draw", ["stratified", "balanced"])
@pytest.mark.parametrize("seed", range(5))
def test_few_training_examples_are_different_texts_though_one_has_many_copies(draw: str, seed: int) -> None:
    copies = np.arange(2000)
    copies[100:160] = 100
    labels = (np.arange(2000) % 2).astype(np.int32)
    labels[100:160] = 0
    config = files(Path("unread"), train_examples=100, draw=draw)
    generator = np.random.default_rng(seed)
    drawn = split(config, np.zeros(2000, dtype=np.uint8), labels, copies, LABELS, generator, False)
    assert len(set(copies[drawn.train.documents])) == 100
    np.testing.assert_allclose(np.bincount(drawn.train.labels), 50, atol=2)


def test_what_copies_leave_too_few_of_is_said() -> None:
    texts, labels = np.repeat(np.arange(60), 5), np.repeat(np.arange(60, dtype=np.int32) % 2, 5)
    parts = np.zeros(300, dtype=np.uint8)
    config = files(Path("unread"), train_examples=242, dev_examples=58, draw="stratified")
    with pytest.raises(UserError, match=r"240 labelled training documents are left"):
        split(config, parts, labels, texts, LABELS, np.random.default_rng(0), False)


def test_one_label_to_train_on_is_refused_with_advice_that_helps() -> None:
    parts, labels = corpus(40)
    for config, advice in (
        (files(Path("unread"), train_examples=1, draw="shuffled"), "raise data.train_examples, or add examples"),
        (files(Path("unread"), dev_examples=39, draw="shuffled"), "add examples"),
    ):
        with pytest.raises(UserError, match=f"same label: {advice}$"):
            split(config, parts, labels, np.arange(40), LABELS, np.random.default_rng(0), False)
