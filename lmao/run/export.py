"""Out of the engine into stock spaCy: a pipeline to load, which does not need lmao."""

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vectors import Vectors

from lmao.config.encoder import CnnEncoder
from lmao.encoder.stock import blank_pipeline, to_stock, tok2vec_config
from lmao.engine.parameters import Parameters
from lmao.vectors.table import StaticVectors

WORDS_AT_ONCE = 2000  # in a batch of nlp.pipe: its arrays fit the cache, those of spaCy's own 1,000 texts do not


def build_pipeline(
    language: str, labels: Sequence[str], settings: CnnEncoder, vectors: StaticVectors | None, weights: Parameters
) -> Language:
    """A spaCy pipeline of one component, `textcat`, with the classifier's weights."""
    nlp = blank_pipeline(language, vectors)
    textcat: Any = nlp.add_pipe("textcat", config={"model": textcat_config(settings, nlp.vocab.vectors)})
    for label in labels:
        textcat.add_label(label)
    textcat.model.initialize(X=[Doc(nlp.vocab, words=["a"])], Y=np.zeros((1, len(labels)), dtype=np.float32))
    to_stock(textcat.model.get_ref("tok2vec"), weights)
    output = textcat.model.get_ref("output_layer")
    output.set_param("W", weights["softmax.W"])
    output.set_param("b", weights["softmax.b"])
    return nlp


def build_encoder(language: str, settings: CnnEncoder, vectors: StaticVectors | None, weights: Parameters) -> Language:
    """A spaCy pipeline of one component, `tok2vec`, with the encoder's weights."""
    nlp = blank_pipeline(language, vectors)
    tok2vec: Any = nlp.add_pipe("tok2vec", config={"model": tok2vec_config(settings, nlp.vocab.vectors)})
    tok2vec.model.initialize(X=[Doc(nlp.vocab, words=["a"])])
    to_stock(tok2vec.model, weights)
    return nlp


def textcat_config(settings: CnnEncoder, vectors: Vectors) -> dict[str, Any]:
    """The classifier as spaCy's registered architectures, for a pipeline with this table."""
    return {
        "@architectures": "spacy.TextCatReduce.v1",
        "tok2vec": tok2vec_config(settings, vectors),
        "exclusive_classes": True,
        "use_reduce_first": False,
        "use_reduce_last": False,
        "use_reduce_max": False,
        "use_reduce_mean": True,
    }


def _require_whole(table: Path) -> None:
    """spaCy saves vectors by numpy, which says nothing of a last write that failed.

    Raises:
        OSError: the table is shorter than it should be.
    """
    try:
        np.load(table, mmap_mode="r")
    except ValueError:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(table)) from None


def save_pipeline(nlp: Language, folder: Path, mean_words: float) -> float:
    """Write `folder` whole or not at all; its size in MB. mean_words: of the texts that it will be given."""
    nlp.config["nlp"]["batch_size"] = max(1, round(WORDS_AT_ONCE / mean_words))
    temporary = Path(tempfile.mkdtemp(prefix=".model-", dir=folder.parent))
    try:
        nlp.to_disk(temporary)
        _require_whole(temporary / "vocab" / "vectors")
        temporary.chmod(0o755)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
