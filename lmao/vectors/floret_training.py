"""Vectors trained with the floret library: texts come in, a table of words or of subwords goes out."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.vectors import Vectors

from lmao.cache import Writer
from lmao.config.vectors import FloretVectors
from lmao.errors import UserError
from lmao.vectors.table import compose, write_table, write_words

HASH_SEED = 2166136261  # fixed in floret's sources (dictionary.h); spaCy has to be told


@dataclass(frozen=True)
class TrainingTexts:
    """What vectors are trained on.

    `record` identifies the texts by plain values; `documents` yields each as ids (int32) of `words`, lower-cased and
    without white space inside.
    """

    record: Mapping[str, Any]
    words: Sequence[str]
    documents: Callable[[], Iterator[NDArray[np.int32]]]

    def lines(self) -> Iterator[str]:
        """Each document as its words joined by one space."""
        for document in self.documents():
            yield " ".join([self.words[word] for word in document])


def train(config: FloretVectors, texts: TrainingTexts, writer: Writer, say: Callable[[str], None]) -> None:
    """Train and write the cache entry. On one thread the same texts and settings give the same bytes.

    `say` first gets a line for the user.

    Raises:
        UserError: fewer than two words are frequent enough.
    """
    with TemporaryDirectory(dir=writer.path) as name:
        folder = Path(name)
        _write_lines(folder / "texts.txt", texts.lines(), config.min_count)
        # On one thread floret reports no progress, so the user should know what is going on.
        say(f"training floret, {config.dims}-d, {config.epochs} epochs: some minutes for every 10 M words, once")
        _run_floret(config, folder)
        words = json.loads((folder / "words.json").read_bytes())
        table = np.load(folder / "table.npy", mmap_mode="r")
        if config.mode == "words":
            write_words(writer, words, np.arange(len(words)), table, config.normalize)
            return
        if not table.any():
            # On one thread floret draws only the first tenth of its rows, words before buckets; the rest is zero.
            # Where no bucket is among that tenth, every gradient is zero and stays so.
            raise UserError(
                f"{config.buckets:,} are too few for {len(words):,} words, floret learns nothing",
                setting="vectors.buckets",
                advice=f"set it to {round(12 * len(words), -3) or 1000}, or raise min_count",
            )
        settings = {
            "minn": config.minn,
            "maxn": config.maxn,
            "hash_count": config.hash_count,
            "hash_seed": HASH_SEED,
            "bow": "<",
            "eow": ">",
        }
        if config.normalize:
            # One factor for the whole table: a mean of rows scaled one by one would be another vector.
            vectors = Vectors(data=np.asarray(table), mode="floret", **settings)
            table = table / np.linalg.norm(compose(vectors, words), axis=1).mean()
        write_table(writer, iter([np.asarray(table)]), table.shape)
        writer.meta["floret"] = settings


def _write_lines(path: Path, lines: Iterator[str], min_count: int) -> None:
    counts: Counter[str] = Counter()
    frequent = False
    with path.open("w", encoding="utf8", newline="\n") as file:
        for line in lines:
            file.write(line + "\n")
            if not frequent:
                counts.update(line.split())
                frequent = sum(count >= min_count for count in counts.values()) >= 2
    if not frequent:  # floret would look for a second word, to take as a negative, for ever
        raise UserError(
            f"fewer than two words occur {min_count} times in the texts",
            setting="vectors.min_count",
            advice="lower it or give more texts",
        )


def _run_floret(config: FloretVectors, folder: Path) -> None:
    """Train in a process of its own, which Ctrl-C ends at once and whose memory is given back."""
    arguments = {
        "input": str(folder / "texts.txt"),
        "model": "skipgram",
        "mode": "floret" if config.mode == "floret" else "fasttext",
        "dim": config.dims,
        "epoch": config.epochs,
        "minCount": config.min_count,
        "ws": config.window,
        "neg": config.negatives,
        "minn": config.minn,
        "maxn": config.maxn,
        "bucket": config.buckets,
        "hashCount": config.hash_count,
        "lr": config.learn_rate,
        "thread": config.threads,
        "label": "\0",  # no word starts with it, so that none is taken for a label and left out
        "verbose": 0,
    }
    (folder / "arguments.json").write_text(json.dumps(arguments))
    script = Path(__file__).with_name("floret_process.py")
    command = [sys.executable, "-P", str(script), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Encountered NaN" in done.stderr:
        raise UserError("the training of vectors diverged", setting="vectors.learn_rate", advice="lower it")
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2] or f"its process ended with code {done.returncode}"
        raise UserError(f"floret could not train: {reason}", setting="vectors")
