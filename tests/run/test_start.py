"""pretrain.from: a run starts from another's encoder, or says in one line why it can't."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rich.console
from numpy.typing import NDArray
from spacy.util import load_config, registry

from lmao.config.run import Config
from lmao.console import Console
from lmao.encoder.stock import stock_places
from lmao.errors import UserError
from lmao.run.experiment import run
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial
from tests.support.finished import Finished

QUICK = "textcat.epochs=1"


@pytest.fixture(scope="module")
def first(finished: Callable[..., Finished]) -> Finished:
    return finished(QUICK)


def arrays(folder: Path) -> dict[str, NDArray[np.float32]]:
    architecture = load_config(folder / "config.cfg")["components"]["textcat"]["model"]["tok2vec"]
    tok2vec = registry.resolve({"model": architecture})["model"].from_bytes((folder / "tok2vec.bin").read_bytes())
    return {name: node.get_param(param) for name, (node, param) in stock_places(tok2vec).items()}


def test_a_run_starts_from_the_weights_of_another(finished: Callable[..., Finished], first: Finished) -> None:
    still = finished(QUICK, f"pretrain.from={first.folder}", "pretrain.learn_rate=1e-12")
    before, after = arrays(first.folder), arrays(still.folder)
    for name, array in before.items():
        np.testing.assert_allclose(after[name], array, atol=1e-6, err_msg=name)
    assert still.result.digests["start"] and "start" not in first.result.digests
    assert still.result.pretrain is not None and still.result.pretrain.cached == 0


def test_with_its_vectors_it_goes_on_on_any_texts(finished: Callable[..., Finished], first: Finished) -> None:
    own = f"pretrain.from={first.folder}", "vectors=spacy", f"vectors.path={first.folder / 'model'}"
    on = finished(QUICK, "data.documents=300", *own)
    assert on.result.pretrain is not None and first.result.pretrain is not None
    assert on.result.pretrain.loss[0] < first.result.pretrain.loss[0]


def refused(settings: Config, folder: Path) -> str:
    with StopSignal() as stop, pytest.raises(UserError) as caught:
        run(settings, folder, Console(rich.console.Console(quiet=True)), stop, NoTrial(), NullStore())
    assert not (folder / "result.json").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["encoder.width=48"],
            "embed.lower.E is (500, 32) in {0}, and (500, 48) by this run's settings: "
            "give this run the same encoder.… as that one",
        ),
        (
            ["vectors=floret_tiny"],
            "the run in {0} has other vectors than this one: take its own by vectors=spacy vectors.path={0}/model",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    overrides: list[str], line: str, compose: Callable[..., Config], first: Finished, tmp_path: Path
) -> None:
    settings = compose("debug=tiny", "threads=1", f"pretrain.from={first.folder}", *overrides)
    assert refused(settings, tmp_path) == f"pretrain.from: {line.format(first.folder)}"


@pytest.mark.parametrize("name", ["tok2vec.bin", "config.cfg", "result.json", "model/vocab/vectors"])
def test_a_run_that_has_changed_is_refused(
    name: str, compose: Callable[..., Config], first: Finished, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(first.folder, tmp_path / "copied"))
    content = bytearray((copied / name).read_bytes())
    content[-9] ^= 1  # most of them a number that reads as well as the one before
    (copied / name).write_bytes(content)
    own = f"pretrain.from={copied}", "vectors=spacy", f"vectors.path={copied / 'model'}"
    said = refused(compose("debug=tiny", "threads=1", *own), tmp_path)
    assert f"is damaged ({name} has changed): train that run again" in said


def test_a_folder_without_weights_is_refused_before_anything_long(
    compose: Callable[..., Config], tmp_path: Path
) -> None:
    other, folder = tmp_path / "other", tmp_path / "run"
    other.mkdir()
    folder.mkdir()
    settings = compose("debug=tiny", "threads=1", f"pretrain.from={other}", f"cache_dir={tmp_path / 'cache'}")
    assert refused(settings, folder).startswith(f"pretrain.from: {other} has no result.json: name the folder of")
    (other / "result.json").write_text("{}")
    assert "has left no pre-trained weights: name a run with" in refused(settings, folder)
    assert not (tmp_path / "cache" / "corpus").exists()
    with pytest.raises(UserError, match=r"pretrain.from is where pre-training starts, and there is none"):
        compose("debug=tiny", f"pretrain.from={other}", "pretrain.epochs=0")
