from pathlib import Path

import numpy as np
import pytest

from lmao.run.scores import calibration_error, score, wilson_interval, write_predictions

SCORES = np.array([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.6, 0.4, 0], [0.1, 0.2, 0.7]], dtype=np.float32)
LABELS = np.array([0, 1, 1, 2])


def test_accuracy_and_confusion_count_true_classes_in_rows() -> None:
    result = score(SCORES, LABELS)
    assert result.accuracy == 0.75
    assert result.examples == 4
    assert result.confusion == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]


def test_macro_f_weighs_classes_alike() -> None:
    assert score(SCORES, LABELS).macro_f == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_a_class_nobody_has_or_predicts_counts_as_zero_and_stays_in_the_confusion() -> None:
    result = score(SCORES[:2], LABELS[:2])
    assert len(result.confusion) == 3
    assert result.macro_f == pytest.approx(2 / 3)


def test_wilson_interval_is_the_textbook_one() -> None:
    low, high = wilson_interval(0.9, 100)
    assert (low, high) == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert wilson_interval(1.0, 10)[1] == 1.0


def test_predictions_come_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    documents = np.array([3, 1, 4, 5])
    write_predictions(path, (SCORES, LABELS, documents), test=None)
    with np.load(path, allow_pickle=False) as stored:
        assert set(stored) == {"dev_scores", "dev_labels", "dev_documents"}
        np.testing.assert_array_equal(stored["dev_scores"], SCORES)
        np.testing.assert_array_equal(stored["dev_documents"], documents)
    write_predictions(path, (SCORES, LABELS, documents), test=(SCORES[:1], LABELS[:1], documents[:1]))
    with np.load(path, allow_pickle=False) as stored:
        assert {"test_scores", "test_labels", "test_documents"} <= set(stored)


def test_a_failed_write_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    write_predictions(path, (SCORES, LABELS, LABELS), test=None)
    before = path.read_bytes()
    unstorable = np.array([object()])
    with pytest.raises(ValueError):
        write_predictions(path, (SCORES, LABELS, unstorable), test=None)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_log_loss_is_that_of_the_true_classes_and_finite() -> None:
    expected = -float(np.mean(np.log(np.array([0.9, 0.8, 0.4, 0.7]))))
    assert score(SCORES, LABELS).log_loss == pytest.approx(expected)
    assert score(SCORES[:1], np.array([2])).log_loss == pytest.approx(-np.log(1e-12))


def test_the_calibration_error_is_how_far_confidence_is_from_accuracy() -> None:
    """In bins: a model that is too sure of the easy half and not sure enough of the other is not forgiven."""
    sure, unsure = (np.tile(np.array(one, np.float32), (100, 1)) for one in ([1.0, 0.0], [0.6, 0.4]))
    scores = np.concatenate([sure, unsure])
    labels = np.zeros(200, dtype=int)
    assert calibration_error(scores, labels) == pytest.approx(0.2)
    labels[:40] = 1
    assert calibration_error(scores, labels) == pytest.approx(0.4)
    assert calibration_error(scores[:20], labels[:20]) == pytest.approx(1.0)


def test_a_calibrated_models_error_is_chance() -> None:
    random = np.random.default_rng(0)
    for n, most in ((100, 0.12), (500, 0.09), (50_000, 0.01)):
        right = random.uniform(0.5, 1, size=n)
        scores = np.stack([right, 1 - right], axis=1).astype(np.float32)
        assert calibration_error(scores, (random.random(n) > right).astype(int)) < most
