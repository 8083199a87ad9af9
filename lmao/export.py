"""Out of the engine into stock spaCy: a pipeline to load, and weights for `spacy train`. Neither needs lmao."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from numpy.typing import NDArray
from spacy.language import DEFAULT_CONFIG_PRETRAIN_PATH, Language
from spacy.tokens import Doc
from spacy.util import load_config, registry
from thinc.api import Config as SpacyConfig
from thinc.api import Model

from lmao import config
from lmao.encoder import FEATURES
from lmao.parameters import Parameters
from lmao.vectors import StaticVectors


def tok2vec_config(settings: config.Encoder, vectors: bool) -> dict[str, Any]:
    """The encoder as spaCy's registered architectures."""
    return {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": {
            "@architectures": "spacy.MultiHashEmbed.v2",
            "width": settings.width,
            "attrs": [feature.upper() for feature in FEATURES],
            "rows": list(settings.embed_rows),
            "include_static_vectors": settings.static_vectors and vectors,
        },
        "encode": {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": settings.width,
            "window_size": settings.window_size,
            "maxout_pieces": settings.maxout_pieces,
            "depth": settings.depth,
        },
    }


def blank_pipeline(language: str, vectors: StaticVectors | None) -> Language:
    nlp = spacy.blank(language)
    if vectors is not None:
        nlp.vocab.vectors = vectors.to_spacy(nlp.vocab.strings)
    return nlp


def stock_tok2vec(settings: config.Encoder, nlp: Language) -> Model[Any, Any]:
    """The encoder's twin, made and initialised by spaCy."""
    architecture = tok2vec_config(settings, bool(nlp.vocab.vectors_length))
    model: Model[Any, Any] = registry.resolve({"model": architecture})["model"]
    model.initialize(X=[Doc(nlp.vocab, words=["a"])])
    return model


def to_stock(tok2vec: Model[Any, Any], weights: Mapping[str, NDArray[Any]] | Parameters) -> None:
    """Set the twin's weights to the encoder's."""
    for name, (node, param) in stock_places(tok2vec).items():
        node.set_param(param, spacy_order(name, weights[name]))


def stock_places(tok2vec: Model[Any, Any]) -> dict[str, tuple[Model[Any, Any], str]]:
    """Where each of the encoder's arrays is in spaCy's model: (node, parameter)."""
    embed, encode = tok2vec.get_ref("embed"), tok2vec.get_ref("encode")
    tables = sorted((n for n in embed.walk() if n.name == "hashembed"), key=lambda node: node.attrs["column"])
    places = {f"embed.{feature}.E": (node, "E") for feature, node in zip(FEATURES, tables, strict=True)}
    for node in embed.walk():
        if node.name == "static_vectors":
            places["embed.vectors.W"] = (node, "W")
    parts = [("embed", embed)] + [(f"encode.{i}", layer) for i, layer in enumerate(_residuals(encode))]
    for name, part in parts:
        for node in part.walk():
            if node.name in ("maxout", "layernorm"):
                places |= {f"{name}.{node.name}.{param}": (node, param) for param in node.param_names}
    return places


def _residuals(encode: Model[Any, Any]) -> list[Model[Any, Any]]:
    nodes = [node for node in encode.walk(order="dfs_pre") if node.layers]
    return [node for node in nodes if node.name == f"residual({node.layers[0].name})"]


def spacy_order(name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Maxout weights lie (pieces, units, …) here and (units, pieces, …) in thinc; turns either way."""
    return np.ascontiguousarray(values.swapaxes(0, 1)) if ".maxout." in name else values


def build_pipeline(
    language: str, labels: Sequence[str], settings: config.Encoder, vectors: StaticVectors | None, weights: Parameters
) -> Language:
    """A spaCy pipeline of one component, `textcat`, with the classifier's weights."""
    nlp = blank_pipeline(language, vectors)
    architecture = {
        "@architectures": "spacy.TextCatReduce.v1",
        "tok2vec": tok2vec_config(settings, vectors is not None),
        "exclusive_classes": True,
        "use_reduce_first": False,
        "use_reduce_last": False,
        "use_reduce_max": False,
        "use_reduce_mean": True,
    }
    textcat: Any = nlp.add_pipe("textcat", config={"model": architecture})
    for label in labels:
        textcat.add_label(label)
    textcat.model.initialize(X=[Doc(nlp.vocab, words=["a"])], Y=np.zeros((1, len(labels)), dtype=np.float32))
    to_stock(textcat.model.get_ref("tok2vec"), weights)
    output = textcat.model.get_ref("output_layer")
    output.set_param("W", weights["softmax.W"])
    output.set_param("b", weights["softmax.b"])
    return nlp


def save_pipeline(nlp: Language, folder: Path) -> None:
    """Write `folder` whole or not at all."""
    temporary = Path(tempfile.mkdtemp(prefix=".model-", dir=folder.parent))
    try:
        nlp.to_disk(temporary)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def save_tok2vec(nlp: Language, settings: config.Encoder, weights: Parameters, folder: Path) -> None:
    """`tok2vec.bin` for `spacy train --initialize.init_tok2vec`, and the `config.cfg` that fits it.

    The config takes its vectors from the pipeline in `folder / "model"`.
    """
    tok2vec = stock_tok2vec(settings, nlp)
    to_stock(tok2vec, weights)
    settings_of_run: Any = nlp.config
    training = load_config(DEFAULT_CONFIG_PRETRAIN_PATH).merge(SpacyConfig(settings_of_run))
    training["pretraining"] |= {"component": "textcat", "layer": "tok2vec"}
    here = folder.absolute()
    training["paths"] |= {"vectors": str(here / "model"), "init_tok2vec": str(here / "tok2vec.bin")}
    training["initialize"] |= {"vectors": "${paths.vectors}", "init_tok2vec": "${paths.init_tok2vec}"}
    _write(folder / "config.cfg", training.to_bytes())
    _write(folder / "tok2vec.bin", tok2vec.to_bytes())


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}")
    temporary.write_bytes(content)
    temporary.rename(path)
