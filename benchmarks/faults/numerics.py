"""Whole runs on texts and vectors that arithmetic may not survive: a message, or figures that are all finite."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rich.console

import lmao
from benchmarks.faults.judging import what_is_wrong
from benchmarks.faults.table import Row
from benchmarks.faults.tiny import write_texts
from lmao.config.composing import composed
from lmao.config.overrides import quote
from lmao.console import Console
from lmao.run.experiment import run
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial
from tests.support.recipes import WORDS

Rows = list[tuple[str, str]]

TEXTS: Mapping[str, Rows] = {
    "one word a text": [(word, "ab"[i % 2]) for i, word in enumerate(["good", "bad", "fine", "poor"] * 10)],
    "one character a text": [("xy"[i % 2], "ab"[i % 2]) for i in range(40)],
    "all texts equal": [("the film was good", "ab"[i % 2]) for i in range(40)],
    "all texts equal in each class": [(("good", "bad")[i % 2], "ab"[i % 2]) for i in range(40)],
    "one class": [(f"text {i}", "a") for i in range(40)],
    "a class with one text": [(f"text {i}", "a") for i in range(40)] + [("other", "b")],
    "two texts": [("good film", "a"), ("bad film", "b")],
    "a class a text": [(f"text {i}", f"c{i}") for i in range(40)],
    "no letters": [("?! …" * (i % 5 + 1), "ab"[i % 2]) for i in range(40)],
    "nothing to see": [("\u200b\u2060" * (i % 5 + 1), "ab"[i % 2]) for i in range(40)],
    "one long text": [("word " * 50_000, "a"), *((f"text {i}", "ab"[i % 2]) for i in range(40))],
    "a long word": [(f"{'x' * 100_000} {i}", "ab"[i % 2]) for i in range(8)],
}
VECTORS: Mapping[str, str] = {  # the numbers of each word's vector; {i}: the word's place
    "zeros": "0 0 0 0",
    "all alike": "1 2 3 4",
    "huge": "3e38 -3e38 {i} 1",
    "large": "1e25 {i} -1e25 1e25",
    "denormal": "1e-45 0 1e-45 1e-45",
    "small": "1e-30 {i}e-30 0 1e-30",
    "one dimension": "{i}",
    "not a number": "nan {i} 1 1",
    "infinite": "1 {i} inf 1",
}
ON_TEXTS = {
    "n-grams": ["textcat=linear"],
    "LSA": ["textcat=linear", "textcat.features=lsa"],
    "document vectors": ["textcat=linear", "textcat.features=document", "vectors.min_count=1"],
    "encoder": ["vectors.min_count=1"],
    "all": ["textcat=auto_tiny", "vectors.min_count=1"],
}
ON_VECTORS = {
    "mean": ["textcat=linear", "textcat.features=mean"],
    "weighted sum": ["textcat=linear", "textcat.features=document"],
    **{
        f"encoder, {name}": [WORDS[0], f"objective={name}"]
        for name in ("cosine", "l2", "contrastive", "vmf", "trigram")
    },
    "encoder, scaled": [WORDS[0], "objective=cosine", "vectors.normalize=true"],
}


def numerics(n: int | None, folder: Path) -> Iterator[Row]:
    """Each model on each kind of texts and of vectors, or on the first n of these."""
    for what, kinds, models, write in (
        ("Texts", TEXTS, ON_TEXTS, with_texts), ("Vectors", VECTORS, ON_VECTORS, with_vectors)
    ):  # fmt: skip
        tries, whole, wrong = 0, 0, []
        for kind in list(kinds)[:n]:
            for model, overrides in models.items():
                place = folder / what / kind / model
                place.mkdir(parents=True)
                found = ended([*write(place, kind), *overrides], place)
                tries, whole = tries + 1, whole + (place / "result.json").exists()
                wrong += [f"{kind}, {model}: {found}"] if found else []
                shutil.rmtree(place)
        names = ", ".join(kinds)
        note = "; ".join(wrong) or f"{whole} with finite figures, {tries - whole} refused"
        yield Row(f"{what} ({names}), {len(models)} models each", tries, len(wrong), note)


def ended(overrides: list[str], folder: Path) -> str | None:
    """What is wrong with how a run ended; None after a message, or with finite figures."""
    try:
        settings = composed(["debug=tiny", "threads=1", "data=files", *overrides])
        with StopSignal() as stop:
            run(settings, folder, Console(rich.console.Console(quiet=True)), stop, NoTrial(), NullStore())
    except Exception as error:
        return what_is_wrong(error)
    if not all(np.isfinite(one) for one in _numbers(json.loads((folder / "result.json").read_bytes()))):
        return "result.json is not finite"
    with np.load(folder / "predictions.npz") as stored:
        if not all(np.isfinite(stored[name]).all() for name in stored if stored[name].dtype.kind == "f"):
            return "predictions.npz is not finite"
    scores = lmao.load(folder).predict_proba(["", "good film", "unseen", "x" * 1000])
    return None if np.allclose(scores.sum(axis=1), 1, atol=1e-4) else "probabilities don't sum to one"


def _numbers(value: Any) -> Iterator[float]:
    match value:
        case dict():
            for one in value.values():
                yield from _numbers(one)
        case list():
            for one in value:
                yield from _numbers(one)
        case float():
            yield value


def with_texts(folder: Path, kind: str) -> list[str]:
    path = folder / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in TEXTS[kind]))
    return [f"data.path={quote(str(path))}"]


def with_vectors(folder: Path, kind: str) -> list[str]:
    """The ordinary texts, and a vector for each of their words."""
    texts, table = folder / "texts.csv", folder / "table.vec"
    write_texts(texts)
    words = sorted(set(texts.read_text().replace(",", " ").split()))
    lines = [f"{word} {VECTORS[kind].format(i=i)}" for i, word in enumerate(words, start=1)]
    table.write_text(f"{len(words)} {len(lines[0].split()) - 1}\n" + "\n".join(lines) + "\n")
    return [f"data.path={quote(str(texts))}", "vectors=word2vec", f"vectors.path={quote(str(table))}"]
