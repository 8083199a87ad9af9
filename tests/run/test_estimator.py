"""lmao.TextClassifier is what scikit-learn takes for a classifier, and what a run of the same texts and labels is."""

import json
import pickle
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hydra.core.global_hydra import GlobalHydra
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

import lmao
from lmao.config.composing import composed
from lmao.config.run import Config
from lmao.console import Console
from lmao.data.source import open_source
from lmao.errors import UserError
from lmao.estimator import TextClassifier
from lmao.explain import HELP
from lmao.paths import CONF, PACKAGE
from lmao.run.experiment import run
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial

Texts = tuple[list[str], np.ndarray[Any, Any]]
TRAIN, TEST = slice(0, 120), slice(120, 240)


@pytest.fixture(scope="module")
def texts(session_cache: Path) -> Texts:
    """Docstrings of two packages, with numbers for labels."""
    settings = composed(["data=docstrings", "data.packages=[matplotlib,sklearn]", "data.documents=300"])
    labelled = [document for document in open_source(settings.data, session_cache).documents() if document.label]
    labels = np.array([10 * (document.label == "sklearn") + 2 for document in labelled], dtype=np.int8)
    return [document.text for document in labelled], labels


def linear(**settings: Any) -> TextClassifier:
    return lmao.TextClassifier(debug="tiny", textcat="linear", textcat__features="lsa", threads=1, **settings)


@pytest.fixture(scope="module")
def fitted(texts: Texts) -> TextClassifier:
    X, y = texts
    return linear().fit(X[TRAIN], y[TRAIN], unlabelled=X[TEST])


def test_labels_come_back_as_they_were(fitted: TextClassifier, texts: Texts) -> None:
    X, y = texts
    assert fitted.classes_.tolist() == [2, 12] and fitted.classes_.dtype == np.int8
    predicted, probabilities = fitted.predict(X[TEST]), fitted.predict_proba(X[TEST])
    assert predicted.dtype == np.int8
    assert (predicted == fitted.classes_[probabilities.argmax(axis=1)]).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert fitted.score(X[TEST], y[TEST]) > 0.7
    assert fitted.predict([]).dtype == np.int8 and fitted.predict_proba([]).shape == (0, 2)


def test_columns_are_in_the_order_of_the_labels_not_of_their_names(texts: Texts) -> None:
    """2 < 12, and "12" < "2"."""
    X, y = texts
    named = linear().fit(X[TRAIN], np.array(["b" if label == 12 else "a" for label in y[TRAIN]], dtype=object))
    numbered = linear().fit(pd.Series(X[TRAIN]), pd.Series(y[TRAIN]))
    assert named.predict(X[:3]).dtype == object
    np.testing.assert_allclose(named.predict_proba(X[TEST]), numbered.predict_proba(X[TEST]), atol=1e-6)


@pytest.mark.parametrize("textcat", ["linear", "cnn_tiny"])
def test_it_is_what_the_command_trains(textcat: str, texts: Texts, tmp_path: Path) -> None:
    X, y = texts
    for name, part in (("train", TRAIN), ("dev", TEST)):
        rows = [json.dumps({"text": text, "label": int(label)}) for text, label in zip(X[part], y[part], strict=True)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    typed = [
        "debug=tiny", f"textcat={textcat}", "threads=1", "seed=3", "pretrain.epochs=0", "vectors=none", "data=files",
        f"data.path={tmp_path / 'train.jsonl'}", f"data.dev_path={tmp_path / 'dev.jsonl'}",
    ]  # fmt: skip
    expected = run(composed(typed), tmp_path, Console(silent=True), StopSignal(), NoTrial(), NullStore())
    mine = lmao.TextClassifier(
        debug="tiny", textcat=textcat, threads=1, random_state=3, pretrain__epochs=0, vectors="none"
    )
    assert mine.fit(X[TRAIN], y[TRAIN]).score(X[TEST], y[TEST]) == pytest.approx(expected.dev_accuracy)
    loaded = lmao.load(tmp_path)
    columns = [loaded.classes_.tolist().index(str(label)) for label in mine.classes_]
    np.testing.assert_allclose(
        mine.predict_proba(X[TEST]), loaded.predict_proba([text.strip() for text in X[TEST]])[:, columns], atol=1e-6
    )


def test_cross_validation_holds_examples_back(texts: Texts) -> None:
    X, y = texts
    scores = cross_val_score(linear(), X[:200], y[:200], cv=2, params={"unlabelled": X[200:]})
    assert len(scores) == 2 and scores.mean() > 0.65


def test_a_search_over_a_setting(texts: Texts) -> None:
    X, y = texts
    search = GridSearchCV(linear(), {"textcat__features": ["ngrams", "lsa"]}, cv=2).fit(np.array(X[TRAIN]), y[TRAIN])
    assert search.best_params_["textcat__features"] == search.best_estimator_.get_params()["textcat__features"]
    assert len(set(search.cv_results_["mean_test_score"])) == 2, "both settings were the same"


def test_calibration(texts: Texts) -> None:
    X, y = texts
    calibrated = CalibratedClassifierCV(linear(), cv=2).fit(X[TRAIN], y[TRAIN])
    assert calibrated.score(X[TEST], y[TEST]) > 0.65 and calibrated.predict(X[:2]).dtype == np.int8


def test_a_pipeline(texts: Texts) -> None:
    X, y = texts
    lower = FunctionTransformer(lambda texts: [text.lower() for text in texts])
    pipeline = Pipeline([("lower", lower), ("classify", linear())])
    pipeline.set_params(classify__textcat__features="ngrams", classify__random_state=1)
    pipeline.fit(X[TRAIN], y[TRAIN], classify__unlabelled=X[TEST])
    assert pipeline["classify"].get_params() | {"textcat__features": "ngrams", "random_state": 1} == (
        pipeline["classify"].get_params()
    )
    assert pipeline.score(X[TEST], y[TEST]) > 0.65


def test_parameters() -> None:
    given: dict[str, Any] = {
        "random_state": 4,
        "verbose": True,
        "textcat": "cnn",
        "encoder__embed_rows": [100, 200],
        "vectors": None,
    }
    classifier = lmao.TextClassifier(**given)
    assert classifier.get_params() == given
    assert clone(classifier).get_params() == given
    assert classifier.set_params(textcat="auto", verbose=False).get_params() == given | {
        "textcat": "auto",
        "verbose": False,
    }
    assert repr(lmao.TextClassifier(textcat="cnn", pretrain__epochs=2)) == (
        "TextClassifier(pretrain__epochs=2, textcat='cnn')"
    )


@pytest.mark.parametrize(
    "check",
    [
        "estimator_cloneable", "estimator_repr", "get_params_invariance", "set_params",
        "parameters_default_constructible", "estimator_tags_renamed", "valid_tag_types", "mixin_order",
        "estimators_unfitted",
    ],
)  # fmt: skip
def test_scikit_learns_own_checks(check: str) -> None:
    """Those that don't fit it to numbers."""
    getattr(estimator_checks, f"check_{check}")("TextClassifier", lmao.TextClassifier(textcat="linear"))


@pytest.mark.parametrize(
    ("settings", "typed"),
    [
        ({"textcat": "cnn", "pretrain__epochs": np.int64(2)}, ["textcat=cnn", "pretrain.epochs=2"]),
        ({"optimizer__learn_rate": np.float64(0.01)}, ["optimizer.learn_rate=0.01"]),
        ({"vectors": "glove", "vectors__path": "it's, b=c"}, ["vectors=glove", "vectors.path='it\\'s, b=c'"]),
        ({"encoder__embed_rows": (100, 200, 300, 400), "threads": None}, ["encoder.embed_rows=[100,200,300,400]"]),
        ({"experiment": "imdb_document", "random_state": 7}, ["+experiment=imdb_document", "seed=7"]),
        ({"vectors@vectors.target": "floret"}, ["vectors@vectors.target=floret"]),
    ],
)  # fmt: skip
def test_each_setting_is_a_keyword(settings: dict[str, Any], typed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Seen(Exception):
        pass

    def train(config: Config, *inputs: Any) -> None:
        assert config == composed(["data=memory", "tracking=off", "tracking.keep_models=none", *typed])
        raise Seen

    monkeypatch.setattr("lmao.estimator._train", train)
    with pytest.raises(Seen):
        lmao.TextClassifier(**settings).fit(["a", "b"], [0, 1])


def test_the_seed_is_drawn_if_it_is_none() -> None:
    def seed(random_state: Any) -> str:
        return next(iter(lmao.TextClassifier(random_state=random_state)._overrides()))

    assert seed(None) != seed(None)
    assert seed(np.random.RandomState(1)) == seed(np.random.RandomState(1)) != seed(np.random.RandomState(2))
    assert seed(np.int64(5)) == "seed=5"


@pytest.mark.parametrize("textcat", ["linear", "cnn_tiny"])
def test_a_pickle_needs_no_file(textcat: str, texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = texts
    monkeypatch.setenv("LMAO_CACHE", str(tmp_path / "cache"))
    classifier = lmao.TextClassifier(debug="tiny", textcat=textcat, threads=1, pretrain__epochs=0)
    classifier.fit(X[TRAIN], y[TRAIN])
    expected = classifier.predict_proba(X[TEST])
    shutil.rmtree(tmp_path / "cache")
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(X[TEST]), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(again)).predict_proba(X[TEST]), expected)


def test_nothing_is_printed_or_written(
    texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    X, y = texts
    (tmp_path / "here").mkdir()
    (tmp_path / "temporary").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier = lmao.TextClassifier(debug="tiny", textcat="auto_tiny", textcat__epochs=1, threads=1)
        classifier.fit(X[:60], y[:60], unlabelled=X[60:120]).predict(X[:3])
    assert capfd.readouterr() == ("", "")
    assert not list((tmp_path / "here").iterdir()) and not list((tmp_path / "temporary").iterdir())
    linear(verbose=True).fit(X[:60], y[:60])
    assert "60 train · 0 dev" in capfd.readouterr().out


def test_what_a_run_warns_of_is_a_warning(texts: Texts) -> None:
    X, y = texts
    with pytest.warns(UserWarning, match="one training example of '5'"):
        linear().fit(X[:60], [5, *y[1:60]])


def test_texts_without_a_word(texts: Texts) -> None:
    X, y = texts
    with pytest.warns(UserWarning, match="2 texts have no letter and no digit"):
        classifier = linear().fit(["", " \n", *X[:60]], [2, 12, *y[:60]])
    assert np.isfinite(classifier.predict_proba(["", "\n", X[0]])).all()


TWO = (["a b", "c d"], [0, 1])
TEXTCATS = ", ".join(sorted(path.stem for path in (CONF / "textcat").glob("*.yaml")))
WITH_PATHS = ["data=docbin", "data=files", "data=imdb", "data=imdb_unsupervised"]
TABLE = "X is a table: give one column of it, table['text'] for example"
NO_LABEL = "y[2] is no label but nan (1 of 3 are missing): give texts without a label as unlabelled"
FRESH = "textcat.init=fresh is stopped by development examples, and data=memory has none"


@pytest.mark.parametrize(
    ("settings", "X", "y", "said"),
    [
        ({}, "a text", [0], "X is one text: give a list of texts"),
        ({}, pd.DataFrame({"text": ["a", "b"]}), [0, 1], TABLE),
        ({}, {"text": ["a", "b"]}, [0], TABLE),
        ({}, ["a", "b", "c"], ["x", "y", None], NO_LABEL.replace("nan", "None")),
        ({}, ["a", "b", "c"], ["x", "y", float("nan")], NO_LABEL),
        ({}, ["a", "b", "c"], pd.Series(["x", "y", pd.NA]), NO_LABEL),
        ({}, ["a", "b", "c"], [1.0, 2.0, float("nan")], NO_LABEL),
        ({}, ["a", None], [0, 1], "X[1] is no text but NoneType: a list of texts is needed"),
        ({}, ["a", "\ud800"], [0, 1], "X[1] has half a character (a lone surrogate, \\ud800 to \\udfff)"),
        ({}, ["a", "b"], [1, 1], "the training data has only the class '1': a classifier needs two classes or more"),
        ({}, ["a", "b"], [0, 1, 1], "Found input variables with inconsistent numbers of samples: [2, 3]"),
        ({"pretrain__epoch": 2}, *TWO, f"pretrain has no setting 'epoch'. Did you mean 'epochs'? {HELP}"),
        ({"textcat": "linea"}, *TWO, f"textcat has no option 'linea'. Did you mean 'linear'? There are: {TEXTCATS}"),
        ({"data__path": "a"}, *TWO, f"data=memory has no setting 'path'. It belongs to {' or '.join(WITH_PATHS)}"),
        ({"data": "files"}, *TWO, "data: texts and labels are given to fit"),
        ({"seed": 1}, *TWO, "seed: here it is random_state"),
        ({"textcat": "cnn_fresh"}, *TWO, FRESH),
    ],
)  # fmt: skip
def test_a_mistake_is_a_value_error(settings: dict[str, Any], X: Any, y: Any, said: str) -> None:
    with pytest.raises(ValueError) as error:
        lmao.TextClassifier(**settings).fit(X, y)
    assert str(error.value) == said


def test_before_it_is_fitted(texts: Texts) -> None:
    with pytest.raises(NotFittedError):
        linear().predict(texts[0])


def test_a_program_may_be_hydras_itself() -> None:
    program = object()
    GlobalHydra.instance().hydra = program  # type: ignore[assignment]
    try:
        assert composed(["data=memory"]).data.name == "memory"
        assert GlobalHydra.instance().hydra is program
    finally:
        GlobalHydra.instance().clear()


def test_importing_lmao_takes_nothing_heavy() -> None:
    code = "import lmao, sys; lmao.load; print(sorted({'sklearn', 'spacy', 'numpy', 'hydra'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_data_memory_is_not_for_the_command_line(compose: Callable[..., Config], tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        run(compose("debug=tiny", "data=memory"), tmp_path, Console(silent=True), StopSignal(), NoTrial(), NullStore())
    assert str(error.value) == "data=memory is for a program, which hands its texts over: choose data=files"


def test_the_settings_are_part_of_the_package(tmp_path: Path) -> None:
    """A wheel has them, made of a copy: setuptools writes into the folder that it builds."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PACKAGE.parent / name, tmp_path)
    for name in ("lmao", "conf"):
        shutil.copytree(
            PACKAGE.parent / name, tmp_path / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    code = "from setuptools import build_meta; build_meta.build_wheel('wheel')"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True)
    shutil.unpack_archive(next((tmp_path / "wheel").glob("*.whl")), tmp_path / "installed", "zip")
    there = {
        path.relative_to(tmp_path / "installed/lmao/conf")
        for path in (tmp_path / "installed/lmao/conf").rglob("*.yaml")
    }
    assert there == {path.relative_to(CONF.resolve()) for path in CONF.resolve().rglob("*.yaml")}
