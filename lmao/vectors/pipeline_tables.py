"""Tables of spaCy pipelines: an installed package or a saved pipeline comes in, its vectors alone are read."""

from pathlib import Path

import numpy as np
from spacy import util
from spacy.strings import StringStore
from spacy.vectors import Vectors

from lmao.cache import Damaged, Writer
from lmao.errors import UserError
from lmao.manifest import verify_where_it_lies
from lmao.paths import expanded
from lmao.vectors.table import fault_of, write_table, write_words


def find_vocab(name: str) -> Path:
    """The folder of the vocabulary, with vectors in it, of a package or of a saved pipeline.

    Raises:
        UserError: there is no such pipeline, it has no vectors, or it is a run's and has changed.
    """
    path = expanded(name)
    if path.is_dir():
        vocab = path / "vocab"
    elif util.is_package(name):
        package = util.get_package_path(name)
        meta = util.get_model_meta(package)
        vocab = package / f"{meta['lang']}_{meta['name']}-{meta['version']}" / "vocab"
    else:
        raise UserError(
            f"{name} is neither an installed pipeline nor the folder of one",
            setting="vectors.path",
            advice=f"python -m spacy download {name}",
        )
    if not (vocab / "vectors").is_file() or not (vocab / "strings.json").is_file():
        raise UserError(f"{name} has no vocab/vectors: it is not a spaCy pipeline with vectors", setting="vectors.path")
    try:
        verify_where_it_lies(vocab.parent)
    except Damaged as error:
        raise UserError(f"{name} is damaged ({error})", setting="vectors.path", advice="train that run again") from None
    return vocab


def files(vocab: Path) -> list[Path]:
    """The files that the table is read from."""
    names = ("vectors", "key2row", "vectors.cfg", "strings.json")
    return [vocab / name for name in names if (vocab / name).is_file()]


def convert(vocab: Path, normalize: bool, writer: Writer) -> None:
    """Write a pipeline's table as a cache entry.

    Raises:
        UserError: the table is empty or damaged.
    """
    try:
        vectors = Vectors(strings=StringStore().from_disk(vocab / "strings.json"))
        vectors.from_disk(vocab, exclude=["strings"])
        table = np.asarray(vectors.data, np.float32)
        listed = sorted((row, key) for key, row in vectors.key2row.items() if key in vectors.strings)
    except Exception as error:  # spaCy leaks whatever its parsers raise
        raise UserError(f"the vectors in {vocab} are damaged ({error})", setting="vectors.path") from None
    if table.ndim != 2 or not table.size:
        raise UserError(
            f"{vocab.parent} has no vectors", advice="name a larger pipeline (…_md, …_lg)", setting="vectors.path"
        )
    if (fault := fault_of(table)) is not None:
        raise UserError(f"{vocab / 'vectors'} holds rows that are {fault[1]}: it is damaged", setting="vectors.path")
    if vectors.mode == "floret":
        _write_floret(writer, vectors, table, normalize)
        return
    if not listed:
        raise UserError(f"no row of {vocab / 'vectors'} belongs to a word", setting="vectors.path")
    if not 0 <= listed[0][0] <= listed[-1][0] < len(table):
        raise UserError(f"{vocab / 'key2row'} points outside the table: it is damaged", setting="vectors.path")
    words = [vectors.strings[key] for _, key in listed]
    write_words(writer, words, np.array([row for row, _ in listed]), table, normalize)


def _write_floret(
    writer: Writer, vectors: Vectors, table: "np.ndarray[tuple[int, int], np.dtype[np.float32]]", normalize: bool
) -> None:
    if normalize:
        raise UserError(
            "a pipeline's floret table has n-grams instead of words, so there is nothing to scale it by",
            setting="vectors.normalize",
            advice="set it to false",
        )
    write_table(writer, iter([table]), table.shape)
    names = ("minn", "maxn", "hash_count", "hash_seed", "bow", "eow")
    writer.meta["floret"] = {name: getattr(vectors, name) for name in names}
