"""`classifier/` in a run's folder: what the run chose, whole, to classify new texts with. Written and read here.

One JSON manifest, which has a version and the digest of each file, .npy arrays and lists of words; nothing in it is
code. Probabilities from it are those of the run.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from lmao.cache import Cache, Damaged, Entry, Writer
from lmao.config.encoder import AnyEncoder
from lmao.corpus.ngrams import Ngrams
from lmao.engine.parameters import Parameters
from lmao.errors import UserError
from lmao.textcat.ngram_weights import AgainstRest, Lexicon, NgramWeights
from lmao.textcat.vector_weights import SubwordWeights
from lmao.trained.chosen import AnyArm, Chosen, EncoderWeights
from lmao.vectors.table import StaticVectors

FOLDER = "classifier"
VERSION = 1

log = logging.getLogger("lmao")


def save(folder: Path, chosen: Chosen) -> float:
    """Write `folder / "classifier"`, whole or not at all, and return its size in megabytes.

    What several arms share, a table of vectors or a list of n-grams, is stored once.
    """

    def make(writer: Writer) -> None:
        lexicons: list[Lexicon] = []
        arms = [_write_arm(writer, str(number), arm, lexicons) for number, (_, arm) in enumerate(chosen.shares)]
        for number, lexicon in enumerate(lexicons):
            _write_lexicon(writer, f"lexicon{number}", lexicon)
        writer.meta |= {
            "format": VERSION,
            "language": chosen.language,
            "labels": list(chosen.labels),
            "arms": [arm | {"weight": weight} for arm, (weight, _) in zip(arms, chosen.shares, strict=True)],
            "lexicons": [{"longer": len(lexicon.longer), "spaces": lexicon.spaces} for lexicon in lexicons],
            "table": None,
        }
        if chosen.table is not None and chosen.needs_table:
            assert isinstance(chosen.table, StaticVectors), "a pipeline's table is not saved again"
            chosen.table.copy_to(writer)
            writer.meta["table"] = chosen.table.name

    entry = Cache(folder, log.warning).put("", FOLDER, make)
    return sum(path.stat().st_size for path in entry.path.iterdir()) / 1e6


def read(folder: Path) -> Chosen:
    """What `save` wrote into `folder`.

    Raises:
        Damaged: a file has changed or is missing.
        UserError: another version of lmao wrote it.
    """
    entry = Entry(folder)
    meta = entry.meta
    if meta.get("format") != VERSION:
        raise UserError(
            f"{folder} is of version {meta.get('format')} of the format, and this lmao reads version {VERSION}",
            advice="use the lmao that trained it, or train it again",
        )
    table = None
    if meta["table"] is not None:
        table = StaticVectors.of(meta["table"], entry, cached=True)
    lexicons = [_read_lexicon(entry, f"lexicon{number}", one) for number, one in enumerate(meta["lexicons"])]
    classes = len(meta["labels"])
    shares = [
        (float(arm["weight"]), _read_arm(entry, str(number), arm, lexicons, classes))
        for number, arm in enumerate(meta["arms"])
    ]
    return Chosen(meta["language"], meta["labels"], table, shares)


def _write_arm(writer: Writer, name: str, arm: AnyArm, lexicons: list[Lexicon]) -> dict[str, Any]:
    match arm:
        case NgramWeights():
            known = next((number for number, one in enumerate(lexicons) if same(one, arm.lexicon)), len(lexicons))
            if known == len(lexicons):
                lexicons.append(arm.lexicon)
            for array, values in (("weights", arm.weights), ("bias", arm.bias), ("measure", arm.measure)):
                if values is not None:
                    writer.array(f"{name}.{array}", values)
            return {
                "kind": "n-grams",
                "lexicon": known,
                "counting": arm.counting,
                "length": arm.length,
                "measured": arm.measure is not None,
                "rest": None if arm.rest is None else asdict(arm.rest),
            }
        case SubwordWeights():
            writer.array(f"{name}.W", arm.W)
            writer.array(f"{name}.b", arm.b)
            if arm.shares is not None:
                writer.array(f"{name}.shares", arm.shares)
            _write_words(writer, name, arm.words)
            return {"kind": "subwords", "features": arm.features, "shared": arm.shares is not None}
        case EncoderWeights():
            writer.array(f"{name}.weights", arm.weights.flat)
            shapes = {array: list(shape) for array, shape in arm.weights.shapes.items()}
            return {"kind": "encoder", "settings": arm.settings.model_dump(), "shapes": shapes}


def _read_arm(entry: Entry, name: str, meta: dict[str, Any], lexicons: Sequence[Lexicon], classes: int) -> AnyArm:
    def array(of: str, there: bool = True) -> Any:
        return np.array(entry.array(f"{name}.{of}")) if there else None

    match meta["kind"]:
        case "n-grams":
            return NgramWeights(
                lexicons[meta["lexicon"]], meta["counting"], meta["length"], array("weights"), array("bias"),
                array("measure", meta["measured"]),
                None if meta["rest"] is None else AgainstRest(**meta["rest"]), classes,
            )  # fmt: skip
        case "subwords":
            shares = array("shares", meta["shared"])
            return SubwordWeights(meta["features"], array("W"), array("b"), _read_words(entry, name), shares)
        case "encoder":
            settings: AnyEncoder = TypeAdapter(AnyEncoder).validate_python(meta["settings"])
            shapes = {of: tuple(shape) for of, shape in meta["shapes"].items()}
            return EncoderWeights(settings, Parameters(shapes, array("weights")))
        case kind:
            raise Damaged(f"there is no kind of classifier '{kind}'")


def same(one: Lexicon, other: Lexicon) -> bool:
    alike = one.spaces == other.spaces and list(one.words) == list(other.words) and len(one.longer) == len(other.longer)
    return alike and all(map(np.array_equal, one.arrays, other.arrays))


def _write_lexicon(writer: Writer, name: str, lexicon: Lexicon) -> None:
    _write_words(writer, name, lexicon.words)
    writer.array(f"{name}.rows", lexicon.rows)
    for n, ngrams in enumerate(lexicon.longer, start=2):
        writer.array(f"{name}.begins{n}", ngrams.begins)
        writer.array(f"{name}.lasts{n}", ngrams.lasts)


def _read_lexicon(entry: Entry, name: str, meta: dict[str, Any]) -> Lexicon:
    longer = [
        Ngrams(np.array(entry.array(f"{name}.begins{n}")), np.array(entry.array(f"{name}.lasts{n}")))
        for n in range(2, meta["longer"] + 2)
    ]
    return Lexicon(_read_words(entry, name), np.array(entry.array(f"{name}.rows")), longer, meta["spaces"])


def _write_words(writer: Writer, name: str, words: Sequence[str]) -> None:
    (writer.path / f"{name}.words.json").write_text(json.dumps(list(words)), encoding="utf-8")


def _read_words(entry: Entry, name: str) -> list[str]:
    words: list[str] = entry.json(f"{name}.words")
    return words
