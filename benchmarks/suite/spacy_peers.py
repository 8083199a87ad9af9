"""`spacy train` as it comes, without vectors: its bag of words, and its CNN; a fifth of the labels stops it."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import spacy
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split
from spacy.cli.init_config import init_config
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config_from_str

from benchmarks.suite.draws import Labelled

CNN = """
[model]
@architectures = "spacy.TextCatReduce.v1"
exclusive_classes = true
use_reduce_first = false
use_reduce_last = false
use_reduce_max = false
use_reduce_mean = true

[model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
pretrained_vectors = null
width = 96
depth = 4
embed_size = 2000
window_size = 1
maxout_pieces = 3
subword_features = true
"""
EVERY, PATIENCE = 50, 500  # steps; spaCy's own, 200 and 1,600, are for more labels, and take several times as long


def train_spacy(kind: str, labelled: Labelled, seed: int) -> tuple[Callable[[Sequence[str]], NDArray[np.int64]], float]:
    """What predicts, and its MB. kind: BOW, which `spacy init config --pipeline textcat` gives, or CNN."""
    rest, held = _parts(labelled.labels, seed)
    with TemporaryDirectory() as folder:
        files = {"train": Path(folder) / "train.spacy", "dev": Path(folder) / "dev.spacy"}
        names = [str(label) for label in np.unique(labelled.labels)]
        for (_, file), places in zip(files.items(), (rest, held), strict=True):
            _write(file, labelled, places, names)
        config = init_config(lang="en", pipeline=["textcat"], optimize="efficiency", gpu=False)
        if kind == "CNN":
            config["components"]["textcat"]["model"] = load_config_from_str(CNN)["model"]
        config = load_config_from_str(
            config.to_str(),
            overrides={
                "paths.train": str(files["train"]), "paths.dev": str(files["dev"]), "training.seed": seed,
                "training.eval_frequency": EVERY, "training.patience": PATIENCE,
            },
        )  # fmt: skip
        train(init_nlp(config), Path(folder), stdout=io.StringIO(), stderr=io.StringIO())
        saved = Path(folder) / "model-best"
        best, megabytes = spacy.load(saved), sum(file.stat().st_size for file in saved.rglob("*")) / 1e6

    def predict(texts: Sequence[str]) -> NDArray[np.int64]:
        return np.array([int(max(doc.cats, key=doc.cats.__getitem__)) for doc in best.pipe(texts)])

    return predict, megabytes


def _parts(labels: NDArray[np.int32], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Four fifths and a fifth, stratified where each label has two examples or more."""
    counts = np.bincount(labels)
    stratify = labels if counts[counts > 0].min() > 1 and len(labels) >= 5 * len(counts) else None
    rest, held = train_test_split(np.arange(len(labels)), test_size=0.2, random_state=seed, stratify=stratify)
    return rest, held


def _write(file: Path, labelled: Labelled, places: NDArray[np.int64], names: Sequence[str]) -> None:
    nlp: Language = spacy.blank("en")
    docs = DocBin()
    for place in places:
        doc = nlp.make_doc(labelled.texts[place])
        doc.cats = {name: float(name == str(labelled.labels[place])) for name in names}
        docs.add(doc)
    docs.to_disk(file)
