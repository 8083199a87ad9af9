"""A run's `model/` by itself, or another spaCy pipeline with the same layers: read to be computed on this engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from numpy.typing import NDArray
from spacy.util import registry
from spacy.vectors import Vectors

from lmao.config.encoder import CnnEncoder
from lmao.encoder.dropout import FEATURES
from lmao.encoder.opening import open_encoder
from lmao.encoder.stock import spacy_order, stock_places, tok2vec_config
from lmao.engine.parameters import Floats, Parameters
from lmao.errors import UserError
from lmao.trained.chosen import Chosen, EncoderWeights
from lmao.vectors.table import compose

COMPONENT = "textcat"


@dataclass(frozen=True)
class PipelineTable:
    """See `WordTable`."""

    vectors: Vectors

    def look_up(self, words: Sequence[str]) -> tuple[NDArray[np.int32], Floats]:
        if self.vectors.mode == "floret":
            return np.arange(len(words), dtype=np.int32), compose(self.vectors, words)
        row_of, hash_of = self.vectors.key2row, self.vectors.strings
        rows = np.array([row_of.get(hash_of[word], -1) for word in words], dtype=np.int32)
        found = rows >= 0
        used, compact = np.unique(rows[found], return_inverse=True)
        rows[found] = compact
        return rows, np.asarray(self.vectors.data[used], np.float32)


def read_pipeline(folder: Path) -> Chosen:
    """Its classifier.

    Raises:
        UserError: it is damaged, or not the encoder's classifier, as runs leave it.
    """
    try:
        nlp = spacy.load(folder)
    except Exception as error:  # spaCy leaks whatever its parsers raise
        reason = str(error).splitlines()[0]
        raise UserError(f"the pipeline {folder} is damaged ({reason})") from None
    if nlp.pipe_names != [COMPONENT] or not _reads_alike(nlp):
        raise _foreign(folder)
    model = nlp.get_pipe(COMPONENT).model
    try:
        arm = _weights(nlp.config["components"][COMPONENT]["model"], model, nlp.vocab.vectors)
    except (KeyError, ValueError):
        raise _foreign(folder) from None
    table = PipelineTable(nlp.vocab.vectors) if arm.settings.static_vectors else None
    return Chosen(nlp.lang, nlp.get_pipe(COMPONENT).labels, table, [(1.0, arm)])


def _weights(config: dict[str, Any], model: Any, vectors: Vectors) -> EncoderWeights:
    """Raises KeyError or ValueError where it computes something else."""
    reduced = {name for name in ("first", "last", "max", "mean") if config[f"use_reduce_{name}"]}
    if reduced != {"mean"} or not config["exclusive_classes"]:
        raise ValueError(reduced)
    tok2vec = model.get_ref("tok2vec")
    places = stock_places(tok2vec)
    found = {name: spacy_order(name, node.get_param(param)) for name, (node, param) in places.items()}
    output = model.get_ref("output_layer")
    found |= {"softmax.W": output.get_param("W"), "softmax.b": output.get_param("b")}
    encode = config["tok2vec"]["encode"]
    settings = CnnEncoder(
        name="cnn", width=encode["width"], depth=encode["depth"], window_size=encode["window_size"],
        maxout_pieces=encode["maxout_pieces"],
        embed_rows=[len(found[f"embed.{feature}.E"]) for feature in FEATURES],
        static_vectors="embed.vectors.W" in found,
    )  # fmt: skip
    if config["tok2vec"] != registry.fill({"tok2vec": tok2vec_config(settings, vectors)})["tok2vec"]:
        raise ValueError(config["tok2vec"])
    shapes = open_encoder(settings, vectors.shape[1]).shapes()
    shapes |= {name: found[name].shape for name in ("softmax.W", "softmax.b")}
    if {name: array.shape for name, array in found.items()} != shapes:
        raise ValueError(shapes)
    weights = Parameters(shapes)
    weights.copy_from(found)
    return EncoderWeights(settings, weights)


def _reads_alike(nlp: Any) -> bool:
    """Whether its tokenizer is that of its language."""
    saved, own = (one.tokenizer.to_bytes(exclude=["vocab"]) for one in (nlp, spacy.blank(nlp.lang)))
    return bool(saved == own)


def _foreign(folder: Path) -> UserError:
    return UserError(
        f"the pipeline {folder} is not the encoder's classifier, which alone is read without its run",
        advice="name the run's folder, or use spacy.load",
    )
