"""The encoder's twin, made of stock spaCy parts: the same arrays, in spaCy's places and order."""

from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np
import spacy
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import registry
from spacy.vectors import Vectors
from thinc.api import Model

from lmao.config.encoder import AnyEncoder, CnnEncoder
from lmao.encoder.cnn import EMBED_PIECES
from lmao.encoder.dropout import FEATURES
from lmao.encoder.hashing import HASH_SEEDS
from lmao.engine.parameters import Parameters
from lmao.vectors.table import StaticVectors

COLUMNS = [feature.upper() for feature in FEATURES]
UNDROPPED = {"dropout": 0.0}  # `spacy train` sets the rate


def has_twin(settings: AnyEncoder) -> TypeGuard[CnnEncoder]:
    """Whether stock spaCy can compute the same: without a twin a run leaves no pipeline."""
    return isinstance(settings, CnnEncoder)


def tok2vec_config(settings: CnnEncoder, vectors: Vectors) -> dict[str, Any]:
    """The encoder as spaCy's registered architectures, for a pipeline with this table."""
    static = settings.static_vectors and vectors.shape[1] > 0
    if static and vectors.mode == "default":
        return with_embed(settings, _embed_by_lower(settings))
    return with_embed(settings, multi_hash_embed(settings, static))


def with_embed(settings: CnnEncoder, embed: dict[str, Any]) -> dict[str, Any]:
    return {
        "@architectures": "spacy.Tok2Vec.v2",
        "embed": embed,
        "encode": {
            "@architectures": "spacy.MaxoutWindowEncoder.v2",
            "width": settings.width,
            "window_size": settings.window_size,
            "maxout_pieces": settings.maxout_pieces,
            "depth": settings.depth,
        },
    }


def multi_hash_embed(settings: CnnEncoder, static: bool) -> dict[str, Any]:
    return {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": settings.width,
        "attrs": COLUMNS,
        "rows": list(settings.embed_rows),
        "include_static_vectors": static,
    }


def _embed_by_lower(settings: CnnEncoder) -> dict[str, Any]:
    """MultiHashEmbed.v2 part by part, but for the static vectors, which are looked up by LOWER.

    MultiHashEmbed.v2 leaves that to the table, whose `attr` spaCy saves in floret mode alone: it would be lost with the
    first save that isn't ours. `spacy.StaticVectors.v1` has it in the config and among the weights.
    """
    tables = {
        feature: {
            "@layers": "HashEmbed.v1",
            "nO": settings.width,
            "nV": rows,
            "seed": seed,
            "column": column,
            **UNDROPPED,
        }
        for column, (feature, rows, seed) in enumerate(zip(FEATURES, settings.embed_rows, HASH_SEEDS, strict=True))
    }
    hashed = _layers(
        "chain.v1",
        columns={"@layers": "spacy.FeatureExtractor.v1", "columns": COLUMNS},
        flat={"@layers": "list2ragged.v1"},
        tables={"@layers": "with_array.v1", "layer": _layers("concatenate.v1", **tables)},
    )
    vectors = {
        "@layers": "spacy.StaticVectors.v1",
        "nO": settings.width,
        "key_attr": "LOWER",
        "init_W": {"@initializers": "glorot_uniform_init.v1"},
        **UNDROPPED,
    }
    mixed = {
        "@layers": "Maxout.v1",
        "nO": settings.width,
        "nI": (len(FEATURES) + 1) * settings.width,
        "nP": EMBED_PIECES,
        "normalize": True,
        **UNDROPPED,
    }
    return _layers(
        "chain.v1",
        features=_layers("concatenate.v1", hashed=hashed, vectors=vectors),
        mixed={"@layers": "with_array.v1", "layer": mixed},
        texts={"@layers": "ragged2list.v1"},
    )


def _layers(combination: str, **layers: dict[str, Any]) -> dict[str, Any]:
    return {"@layers": combination, "*": layers}


def blank_pipeline(language: str, vectors: StaticVectors | None) -> Language:
    nlp = spacy.blank(language)
    if vectors is not None:
        nlp.vocab.vectors = vectors.to_spacy(nlp.vocab.strings)
    return nlp


def stock_tok2vec(settings: CnnEncoder, nlp: Language) -> Model[Any, Any]:
    """The encoder's twin, made and initialised by spaCy."""
    return open_tok2vec(tok2vec_config(settings, nlp.vocab.vectors), nlp)


def open_tok2vec(architecture: dict[str, Any], nlp: Language) -> Model[Any, Any]:
    """A tok2vec as a pipeline's config has it, initialised."""
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
    """Maxout weights lie (pieces, units, …) here and (units, pieces, …) in thinc; converts either way."""
    return np.ascontiguousarray(values.swapaxes(0, 1)) if ".maxout." in name else values
