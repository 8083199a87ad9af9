"""Files as nobody should write them: hypothesis draws tables, JSON, vectors, settings, and damage to whole files."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from lmao.data.rows import KEYS

PIECES = [
    b"", b"\0", b'"', b"\n", b"\r", b"\xff", b",", b";", b"\t", b" ", b"[", b"{", b"]", b"}", b":", b"\\", b"'", b"-1",
    b"nan", b"1e999", b"99999999999999999999", b"null", b"\xef\xbb\xbf", b"\xff\xfe", b"\xed\xa0\x80", b"__label__",
    b"\\ud800", b"\x1b[31m", b"\xe2\x80\xa8",
]  # fmt: skip
WORDS = ["text", "label", "a", "b", "1", "x y", "", " ", '"', "é", "日本", "\u2028", "=1", "NaN", "1.0", "__label__a"]


@dataclass(frozen=True)
class Case:
    """A file's name and content, and what else the reader is told."""

    name: str
    content: bytes
    told: dict[str, Any] = field(default_factory=dict)


def damaged(whole: bytes) -> SearchStrategy[bytes]:
    """A file with some places replaced, bits flipped, an end cut off, or a stretch twice."""
    place = st.integers(0, len(whole))
    piece = st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))
    edits = st.lists(st.tuples(place, st.integers(0, 8), piece), min_size=1, max_size=4)
    flips = st.lists(st.tuples(st.integers(0, max(0, len(whole) - 1)), st.integers(0, 7)), min_size=1, max_size=3)
    return st.one_of(
        edits.map(partial(_edited, whole)),
        flips.map(partial(_flipped, whole)),
        place.map(lambda end: whole[:end]),
        st.tuples(place, place).map(lambda ends: whole[: max(ends)] + whole[min(ends) :]),
    )


def packed(whole: bytes, pack: Callable[[bytes], bytes]) -> SearchStrategy[bytes]:
    """A packed file, damaged before or after it was packed."""
    return st.one_of(damaged(whole).map(pack), damaged(pack(whole)))


def _edited(whole: bytes, edits: Sequence[tuple[int, int, bytes]]) -> bytes:
    for place, length, piece in edits:
        whole = whole[:place] + piece + whole[place + length :]
    return whole


def _flipped(whole: bytes, flips: Sequence[tuple[int, int]]) -> bytes:
    changed = bytearray(whole)
    for place, bit in flips:
        if changed:
            changed[place] ^= 1 << bit
    return bytes(changed)


TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=12))
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
NAMES = st.one_of(st.sampled_from(["text", "label", *sorted(KEYS)]), TEXTS)
TOLD = st.fixed_dictionaries(
    {},
    optional={
        "text_column": st.sampled_from(["text", "body", "1", "2", "data", ""]),
        "label_column": st.sampled_from(["label", "kind", "1", "2", "text", "labels"]),
        "delimiter": st.sampled_from([None, "comma", "semicolon", "tab", "pipe"]),
        "quotes": st.sampled_from([None, True, False]),
        "header": st.sampled_from([None, True, False]),
    },
)
ENCODINGS = st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-32", "latin-1", "utf-16-le"])


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "replace")


@st.composite
def tables(draw: st.DrawFn) -> Case:
    """Rows of few columns in some dialect, or joined without one."""
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(TEXTS, min_size=max(1, width - 1), max_size=width + 1), max_size=6))
    if draw(st.booleans()):
        rows = [draw(st.permutations(["text", "label", "id", "answer"]))[:width], *rows]
    delimiter = draw(st.sampled_from(",;\t|"))
    if draw(st.booleans()):
        stream = io.StringIO()
        csv.writer(stream, delimiter=delimiter).writerows(rows)
        text = stream.getvalue()
    else:
        text = "\n".join(delimiter.join(row) for row in rows)
    name = draw(st.sampled_from(["a.csv", "a.tsv", "a.txt", "a.CSV"]))
    return Case(name, _encoded(text, draw(ENCODINGS)), draw(TOLD))


@st.composite
def objects(draw: st.DrawFn) -> Case:
    """JSON, an object a line or an array, with the keys of annotation tools and values of any kind."""
    values = draw(st.lists(st.one_of(st.dictionaries(NAMES, VALUES, max_size=5), VALUES), max_size=5))
    lines = [json.dumps(value, ensure_ascii=draw(st.booleans())) for value in values]
    text = draw(st.sampled_from(["\n", "\n\n", ""])).join(lines)
    if draw(st.booleans()):
        text = f"[{','.join(lines)}]"
    name = draw(st.sampled_from(["a.jsonl", "a.json", "a.ndjson"]))
    return Case(name, _encoded(text, draw(ENCODINGS)), draw(TOLD))


NUMBERS = st.one_of(
    st.floats(width=32).map(repr),
    st.sampled_from(["1", "-0.5", "1e39", "1e-45", "0x1", "1_0", "", "one", "nan", "\u0661"]),
)


@st.composite
def vectors(draw: st.DrawFn) -> Case:
    """A table of vectors as text, with a header line that may lie, or none."""
    dims = draw(st.integers(1, 3))
    rows = draw(st.lists(st.tuples(TEXTS, st.lists(NUMBERS, min_size=max(0, dims - 1), max_size=dims + 1)), max_size=5))
    lines = [" ".join([word, *numbers]) for word, numbers in rows]
    if draw(st.booleans()):
        said = st.one_of(st.just(len(rows)), st.integers(-1, 10**12))
        lines = [f"{draw(said)} {draw(st.one_of(st.just(dims), said))}", *lines]
    content = "\n".join(lines).encode("utf-8", "replace") + b"\n"
    name = draw(st.sampled_from(["a.txt", "a.vec", "a.txt.gz"]))
    content = gzip.compress(content) if name.endswith(".gz") else content
    return Case(name, content, {"format": draw(st.sampled_from(["glove", "word2vec"])), "dims": dims})


SETTINGS = [
    "seed", "threads", "data", "data.path", "data.packages", "data.train_examples", "data.delimiter", "vectors",
    "vectors.path", "vectors.dims", "vectors@vectors.target", "vectors.target.name", "encoder.depth", "encoder.width",
    "encoder.embed_rows", "objective", "objective.parts", "pretrain", "pretrain.epochs", "pretrain.from",
    "pretrain.mask_rate", "textcat", "textcat.epochs", "optimizer.learn_rate", "optimizer", "tracking.uri", "tracking",
    "space", "sweep", "+experiment", "experiment", "debug", "device", "cache_dir", "evaluate_test", "nothing", "a.b.c",
    "hydra.run.dir", "hydra.sweeper.n_trials", "hydra.sweeper.params", "hydra.sweeper.sampler", "hydra.job.name",
    "hydra.sweeper.study_name", "hydra.searchpath", "hydra/job_logging",
]  # fmt: skip
MEANT = [
    "1", "0", "-1", "1e400", "nan", "null", "true", "", "cnn", "files", "none", "imdb", "document", "off", "[1,2]",
    "[1", "{a:1}", "{a:", "a,b", "1,2", "choice(1,2)", "interval(0,1)", "interval(1,0)", "range(3,0)", "range(0,1,0)",
    "tag(log,interval(0,1))", "extend_list(1)", "glob(*)", "choice()", "${seed}", "${nothing}", "${oc.env:NOPE}", "${",
    "~nobody-here/x", "/proc/x", "/dev/null", "postgresql://me:hunter2", "http://me:hunter2@127.0.0.1:1", "x" * 600,
    "int(1.5)", "shuffle(1,2)", "sort(2,1)", "'", '"', "\\", "a=b", "a:b", "%s", "\x00", "é", "\ud800",
]  # fmt: skip


@st.composite
def command_lines(draw: st.DrawFn) -> Case:
    """Overrides of every kind; a run of one trial, or none."""
    name = st.sampled_from(SETTINGS * 4 + WORDS)
    value = st.one_of(st.sampled_from(MEANT), st.sampled_from([*MEANT, *WORDS]), TEXTS)
    override = st.builds(
        lambda prefix, name, sign, value: f"{prefix}{name}{sign}{value}".replace("\0", ""),
        st.sampled_from(["", "", "", "+", "++", "~"]), name, st.sampled_from(["=", "=", "=", "=", ""]), value,
    )  # fmt: skip
    arguments = draw(st.lists(override, min_size=1, max_size=3))
    arguments = [one for one in arguments if one and not one.startswith("-")]
    return Case("", b"", {"arguments": draw(st.sampled_from([[], ["-m"]])) + arguments})


YAML = b"""# @package _global_
defaults:
  - override /data: docstrings_tiny
  - override /vectors: document_tiny
pretrain:
  epochs: 1
  mask_rate: 0.5
textcat: {epochs: 2, dropout: 0.1}
seed: ${oc.env:LMAO_NOPE,3}
data:
  packages: [numpy, "scipy"]
"""
