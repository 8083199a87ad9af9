"""pretrain.from: the folder of another run comes in, its pre-trained encoder goes out, for this one to start from."""

import json
from pathlib import Path

import numpy as np
from spacy.util import load_config, registry

from lmao.cache import Damaged, file_digest
from lmao.config.run import Config
from lmao.config.vectors import SpacyVectors
from lmao.encoder.opening import open_encoder
from lmao.encoder.stock import spacy_order, stock_places
from lmao.engine.parameters import Parameters
from lmao.errors import UserError
from lmao.manifest import verify_where_it_lies
from lmao.paths import expanded
from lmao.vectors.lookup import TypeVectors

SETTING = "pretrain.from"
WEIGHTS = "tok2vec.bin"


def start_folder(settings: Config) -> Path | None:
    """The folder that was named, once it is known to be of a run that has pre-trained.

    Raises:
        UserError: it isn't, or a file of it has changed.
    """
    if settings.pretrain.from_ is None:
        return None
    folder = expanded(settings.pretrain.from_, SETTING)
    if not (folder / "result.json").is_file():
        advice = "name the folder of a finished run, outputs/…"
        raise UserError(f"{folder} has no result.json", setting=SETTING, advice=advice)
    if not (folder / WEIGHTS).is_file() or not (folder / "config.cfg").is_file():
        advice = "name a run with pretrain.epochs=1 or more that keeps its model"
        raise UserError(f"the run in {folder} has left no pre-trained weights", setting=SETTING, advice=advice)
    try:
        for name in ("result.json", WEIGHTS, "config.cfg"):
            verify_where_it_lies(folder / name)
    except Damaged as error:
        raise UserError(f"{folder} is damaged ({error})", setting=SETTING, advice="train that run again") from None
    return folder


def start_digest(settings: Config) -> str | None:
    folder = start_folder(settings)
    return None if folder is None else file_digest(folder / WEIGHTS)


def start_weights(settings: Config, vectors: TypeVectors) -> Parameters | None:
    """The encoder's arrays of the run that was named.

    Raises:
        UserError: they are damaged, of another shape, or were trained with other vectors.
    """
    folder = start_folder(settings)
    if folder is None:
        return None
    try:
        digests = json.loads((folder / "result.json").read_bytes())["digests"]
        architecture = load_config(folder / "config.cfg")["components"]["textcat"]["model"]["tok2vec"]
        tok2vec = registry.resolve({"model": architecture})["model"].from_bytes((folder / WEIGHTS).read_bytes())
        places = stock_places(tok2vec)
        found = {name: spacy_order(name, np.asarray(node.get_param(param))) for name, (node, param) in places.items()}
    except Exception as error:  # spaCy leaks whatever its parsers raise
        reason = str(error).splitlines()[0]
        raise UserError(f"{folder} is damaged ({reason})", setting=SETTING, advice="train that run again") from None
    table = settings.vectors
    own = isinstance(table, SpacyVectors) and not table.normalize and _same(table.path, folder / "model")
    if digests.get("vectors") != vectors.digest and not own:
        advice = f"take its own by vectors=spacy vectors.path={folder / 'model'}"
        raise UserError(f"the run in {folder} has other vectors than this one", setting=SETTING, advice=advice)
    weights = Parameters(open_encoder(settings.encoder, vectors.vectors.shape[1]).shapes())
    for name, shape in weights.shapes.items():
        if name not in found or found[name].shape != shape:
            there = found[name].shape if name in found else "not there"
            raise UserError(
                f"{name} is {there} in {folder}, and {shape} by this run's settings",
                setting=SETTING,
                advice="give this run the same encoder.… as that one",
            )
    weights.copy_from({name: found[name] for name in weights.shapes})
    return weights


def _same(name: str, folder: Path) -> bool:
    return expanded(name).resolve() == folder.resolve()
