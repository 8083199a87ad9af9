"""Static word vectors: a config section and the texts come in, a cached, memory-mapped table goes out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lmao.cache import Cache, Writer, file_digest, key_of
from lmao.config.fields import Mark
from lmao.config.vectors import AnyTable, DocumentVectors, FloretVectors, GloveVectors, SpacyVectors, Word2vecVectors
from lmao.errors import Unavailable, UserError
from lmao.stop import StopSignal
from lmao.unfinished import Unfinished
from lmao.vectors import binary_tables, document_training, floret_training, pipeline_tables, text_tables
from lmao.vectors.floret_training import TrainingTexts
from lmao.vectors.sources import existing_file
from lmao.vectors.table import StaticVectors, write_blocks

VERSION = 1
KIND = "vectors"


@contextmanager
def target_table_errors() -> Iterator[None]:
    """Around work on the predicted table: an error names `vectors.target`'s settings."""
    try:
        yield
    except UserError as error:
        group, _, setting = (error.setting or "").partition(".")
        if group == "vectors":
            error.setting = f"vectors.target.{setting}" if setting else "vectors.target"
        raise


def check_vectors(config: AnyTable) -> None:
    """Find a missing file before anything long begins.

    Raises:
        UserError: the file, package or folder is not there.
    """
    match config:
        case GloveVectors():
            _glove_file(config)
        case Word2vecVectors():
            existing_file(config.path)
        case SpacyVectors():
            pipeline_tables.find_vocab(config.path)


def table_digest(config: AnyTable) -> str | None:
    """The digest of the files that a table is read from; None if it is trained on the texts, or is `none`.

    Raises:
        UserError: the file, package or folder is not there.
    """
    match _files_record(config):
        case {"file": str(digest)}:
            return digest
        case {"files": dict(digests)}:
            return key_of(digests)
    return None


def _files_record(config: AnyTable) -> dict[str, Any]:
    """The part of a cache's key that says what is in the files that a table is read from."""
    match config:
        case GloveVectors():
            return {"file": file_digest(_glove_file(config))}
        case Word2vecVectors():
            return {"file": file_digest(existing_file(config.path))}
        case SpacyVectors():
            files = pipeline_tables.files(pipeline_tables.find_vocab(config.path))
            return {"files": {file.name: file_digest(file) for file in files}}
    return {}


def load_vectors(
    config: AnyTable,
    cache: Cache,
    texts: TrainingTexts,
    say: Callable[[str], None],
    advance: Callable[..., None] = lambda words: None,
    threads: int = 1,
    stop: StopSignal | None = None,
) -> StaticVectors | None:
    """The table that a config section asks for, trained or read once and then taken from the cache; None for `none`.

    `say` gets a line for the user before something that takes long; `advance(words)` is called as `vectors=document`
    does its words, each of them `epochs` times, with `before=` those that an earlier run did; on `threads` threads,
    unless the section says how many. Where `stop` hears of a signal, its state is saved first.

    Raises:
        UserError: the file is missing, damaged or of another format, or the texts are too few to train on.
        Unavailable: it changed while it was read.
    """
    files = _files_record(config)
    record = dict(files)
    settings = config.without(Mark.NOT_SCIENCE)
    match config:
        case FloretVectors():
            record["texts"] = dict(texts.record)

            def make(writer: Writer) -> None:
                floret_training.train(config, texts, writer, say)

        case DocumentVectors():
            record |= {"training": document_training.VERSION, "texts": dict(texts.record)}

            def make(writer: Writer) -> None:
                document_training.train(config, texts, writer, threads, advance, unfinished, stop or StopSignal())

        case GloveVectors():
            path = _glove_file(config)

            def make(writer: Writer) -> None:
                write_blocks(writer, text_tables.read_glove(path, config.dims), config.normalize)

        case Word2vecVectors():
            path = existing_file(config.path)
            binary = path.name.removesuffix(".gz").endswith(".bin")
            record["binary"] = binary

            def make(writer: Writer) -> None:
                read = binary_tables.read if binary else text_tables.read_word2vec
                write_blocks(writer, read(path), config.normalize)

        case SpacyVectors():
            vocab = pipeline_tables.find_vocab(config.path)

            def make(writer: Writer) -> None:
                pipeline_tables.convert(vocab, config.normalize, writer)

        case _:
            return None

    record = {"version": VERSION, **settings, **record}
    unfinished = Unfinished(cache, record)

    def make_unchanged(writer: Writer) -> None:
        make(writer)
        if _files_record(config) != files:
            raise Unavailable("the file changed while it was read", setting="vectors.path", advice="run it again")

    entry, cached = cache.get_or_make(KIND, record, make_unchanged)
    unfinished.remove()
    return StaticVectors.of(config.name, entry, cached)


def _glove_file(config: GloveVectors) -> Path:
    """Raises UserError where there is none, or none was named."""
    if config.path is None:
        raise UserError(
            "GloVe's file is not given",
            setting="vectors.path",
            advice="get https://nlp.stanford.edu/data/glove.6B.zip and name it here, or choose other vectors",
        )
    return existing_file(config.path)
