"""The syntactic head of each token of the corpus: a source's own annotation or a parser in, an array out."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from lmao.cache import Cache, Writer
from lmao.config.data import AnyData
from lmao.corpus.corpus import Corpus
from lmao.corpus.parsing import ParsedTexts, Parser, find_parser, parse
from lmao.corpus.tokens import doc_of
from lmao.data.document import Document, Source, Tree, chunks, documents_of
from lmao.errors import Unavailable, UserError

VERSION = 1
CHUNK_CHARACTERS = 100_000  # seconds of a parser's time; fixed, since how texts are batched could tip a close decision


def check_heads(data: AnyData, parser: str | None) -> None:
    """Find what is missing before anything long begins.

    Raises:
        UserError: there is no such pipeline, it has no parser, or there is none and the data have no heads either.
    """
    if parser is not None:
        find_parser(parser, data.language)
    elif not data.has_heads:
        raise _no_heads(data.name)


def _no_heads(source: str) -> UserError:
    advice = "name an installed pipeline that has a parser, such as objective.parser=en_core_web_sm"
    return UserError(
        f"null takes heads from the data, and data={source} has none", setting="objective.parser", advice=advice
    )


def find_heads(
    corpus: Corpus, source: Source, language: str, parser: str | None, cache: Cache, threads: int,
    advance: Callable[[float], None],
) -> tuple[NDArray[np.int32], str]:  # fmt: skip
    """The offset from each token to its head: (tokens,) int32, memory-mapped, from the cache or made now; and
    their digest.

    0: the token has none (a root, white space, a text without annotation), or it is white space. `parser`: None for
    the source's own trees, or an installed pipeline or the folder of one. `advance(tokens)` is
    called as tokens are done.

    Raises:
        UserError: no document has a tree; the pipeline is missing, has no parser or can't be loaded.
    """
    import spacy

    found = None if parser is None else find_parser(parser, language)
    fingerprint = source.fingerprint()
    record = {
        "version": VERSION,
        "spacy": spacy.__version__,
        "corpus": corpus.digest,
        "fingerprint": fingerprint,  # the same tokens may have other trees
        "language": language,
        "parser": None if found is None else found.digests(),
    }

    def make(writer: Writer) -> None:
        texts = chunks(documents_of(source, fingerprint), CHUNK_CHARACTERS)
        parsed = _annotated(texts, language) if found is None else _parsed(texts, found, threads)
        if not _write(corpus, parsed, writer, advance) and found is None:
            raise _no_heads(source.name)
        if found is not None and found.digests() != record["parser"]:
            raise Unavailable("the pipeline changed while it parsed", setting="objective.parser", advice="run it again")

    entry, _ = cache.get_or_make("heads", record, make)
    return entry.array("heads"), entry.digest


def head_rows(
    heads: NDArray[np.int32], tokens: NDArray[np.int32], places: NDArray[np.int64], rows: NDArray[np.int32]
) -> NDArray[np.int32]:
    """The rows of the heads of some tokens: (n,) int32, -1 where there is no head or its type has no row.

    heads and tokens (tokens,) are the corpus'; places (n,) int64 are positions in them; rows (types,) int32.
    """
    offsets = heads[places]
    return np.where(offsets == 0, np.int32(-1), rows[tokens[places + offsets]])


def _parsed(texts: Iterator[list[Document]], parser: Parser, threads: int) -> Iterator[ParsedTexts]:
    return parse(([document.text for document in chunk] for chunk in texts), parser, threads)


def _annotated(texts: Iterator[list[Document]], language: str) -> Iterator[ParsedTexts]:
    import spacy
    from spacy.attrs import IDX, LENGTH

    tokenizer = spacy.blank(language).tokenizer
    for chunk in texts:
        offsets = []
        for document in chunk:
            starts, lengths = doc_of(tokenizer, document.text).to_array([IDX, LENGTH]).astype(np.int64).T
            none = np.zeros(len(starts), dtype=np.int32)
            offsets.append(none if document.tree is None else align(document.tree, starts, starts + lengths))
        yield ParsedTexts(np.array([len(found) for found in offsets], dtype=np.int64), np.concatenate(offsets))


def align(tree: Tree, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int32]:
    """The tree on other tokens of the same text, at characters starts, ends (n,): head minus own place, 0 for none.

    A token takes the head of the annotated token that it overlaps; of several the first whose head lies outside of
    it. Its head is the first token that overlaps the annotated one.
    """
    own = np.arange(len(starts))
    first = np.searchsorted(tree.ends, starts, side="right")
    last = np.searchsorted(tree.starts, ends, side="left")
    place = np.searchsorted(ends, tree.starts, side="right")  # of each annotated token
    exists = (place < len(ends)) & (starts[np.minimum(place, len(ends) - 1)] < tree.ends)
    offsets = np.zeros(len(starts), dtype=np.int32)
    for step in range(int((last - first).max(initial=0)) - 1, -1, -1):
        overlaps = np.flatnonzero(first + step < last)
        heads = tree.heads[first[overlaps] + step]
        outside = ((heads < first[overlaps]) | (heads >= last[overlaps])) & exists[heads]
        kept = overlaps[outside]
        offsets[kept] = place[heads[outside]] - own[kept]
    return offsets


def _write(corpus: Corpus, parsed: Iterator[ParsedTexts], writer: Writer, advance: Callable[[float], None]) -> bool:
    """Write heads chunk by chunk; returns whether there is any."""
    number, found = 0, False
    with writer.blocks("heads", "<i4", corpus.tokens.shape) as write:
        for chunk in parsed:
            bounds = corpus.offsets[number : number + len(chunk.lengths) + 1]
            if not np.array_equal(np.diff(bounds), chunk.lengths):
                raise _changed()
            is_space = corpus.type_is_space[corpus.tokens[bounds[0] : bounds[-1]]]
            places = np.arange(len(is_space)) + chunk.offsets
            heads = np.where(is_space | is_space[places], np.int32(0), chunk.offsets)
            write(heads)
            found = found or bool(heads.any())
            number += len(chunk.lengths)
            advance(float(len(heads)))
    if number != len(corpus.offsets) - 1:
        raise _changed()
    return found


def _changed() -> UserError:
    return Unavailable("the texts have changed since they were encoded", setting="data", advice="run it again")
