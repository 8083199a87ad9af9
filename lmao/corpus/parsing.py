"""Texts through an installed pipeline's dependency parser, on our tokenizer's tokens: texts in, heads out."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lmao.cache import file_digest
from lmao.corpus.tokens import doc_of, in_processes
from lmao.errors import UserError
from lmao.paths import expanded

PARSERS = ("parser", "beam_parser")
EMBEDDERS = ("tok2vec", "transformer", "curated_transformer")  # what a listener to "*" may listen to
SENTENCE_SPLITTERS = ("senter", "sentencizer")  # a parser respects the sentences that they set before it
FEW_CHUNKS = 10  # below this, starting processes costs more than they save


@dataclass(frozen=True)
class Parser:
    """A pipeline with a parser: the name that spaCy loads, its folder, its language, the components that parsing
    needs, and the others."""

    name: str
    folder: Path
    language: str
    components: tuple[str, ...]
    others: tuple[str, ...]

    def digests(self) -> dict[str, str]:
        """Digests of the files that its parses depend on."""
        files = [self.folder / "config.cfg"]
        for name in ("vocab", *self.components):
            files += sorted(path for path in (self.folder / name).rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix(): file_digest(path) for path in files}


def find_parser(name: str, language: str) -> Parser:
    """Read a pipeline's config, not its weights. `name`: an installed package or the folder of a pipeline.

    Raises:
        UserError: it isn't there, has no parser, or is one for another language than the texts' tokenizer.
    """
    from spacy import util

    place, folder = _folder(name)
    try:
        config = util.load_config(folder / "config.cfg", interpolate=False)
        components = config["components"]
        order = [part for part in config["nlp"]["pipeline"] if part not in config["nlp"].get("disabled", ())]
        factories = {part: components[part]["factory"] for part in order}
        own = config["nlp"]["lang"]
    except Exception as error:  # whatever the parser of the config leaks
        reason = type(error).__name__
        raise UserError(
            f"{folder} has no config.cfg of a pipeline ({reason})", setting="objective.parser", advice="name another"
        ) from None
    parser = next((part for part in order if factories[part] in PARSERS), None)
    if parser is None:
        raise UserError(
            f"{name} has no parser, only {', '.join(order) or 'a tokenizer'}",
            setting="objective.parser",
            advice="name a pipeline with one, such as en_core_web_sm",
        )
    if own != language:
        raise UserError(
            f"{name} is for '{own}', but data.language is '{language}'",
            setting="objective.parser",
            advice="set one of them",
        )
    before = order[: order.index(parser)]
    needed = {parser, *(part for part in before if factories[part] in SENTENCE_SPLITTERS)}
    upstream = {name for part in needed for name in _upstream(components[part].get("model", {}))}
    needed |= {part for part in before if part in upstream or ("*" in upstream and factories[part] in EMBEDDERS)}
    return Parser(
        name=place,
        folder=folder,
        language=own,
        components=tuple(part for part in order if part in needed),
        others=tuple(part for part in components if part not in needed),
    )


def _folder(name: str) -> tuple[str, Path]:
    """The name that spaCy loads, and the folder of its config.cfg."""
    from spacy import util

    path = expanded(name)
    if path.is_dir():
        return str(path.absolute()), path
    if name and util.is_package(name):
        package = util.get_package_path(name)
        meta = util.get_model_meta(package)
        return name, package / f"{meta['lang']}_{meta['name']}-{meta['version']}"
    raise UserError(
        f"{name} is neither an installed pipeline nor the folder of one",
        setting="objective.parser",
        advice=f"python -m spacy download {name}",
    )


def _upstream(model: dict[str, Any]) -> Iterator[str]:
    """The components that a model's listeners listen to, "*" for any."""
    for key, value in model.items():
        if isinstance(value, dict):
            yield from _upstream(value)
        elif key == "upstream":
            yield value


@dataclass(frozen=True)
class ParsedTexts:
    """Texts one after the other: lengths (texts,) in tokens; offsets (tokens,) int32, head minus own, 0 for a root."""

    lengths: NDArray[np.int64]
    offsets: NDArray[np.int32]


def parse(chunks: Iterator[list[str]], parser: Parser, threads: int) -> Iterator[ParsedTexts]:
    """The chunks parsed, in order; in processes if there is enough to do. Their number changes no head.

    Raises:
        UserError: the pipeline can't be loaded.
    """
    few = list(islice(chunks, FEW_CHUNKS))
    work = partial(_parse, parser)
    if threads > 1 and len(few) == FEW_CHUNKS:
        yield from in_processes(work, chain(few, chunks), threads)
        return
    try:
        yield from map(work, chain(few, chunks))
    finally:
        _pipelines.clear()


_pipelines: dict[Parser, Any] = {}  # one a process: a worker loads it once


def _parse(parser: Parser, texts: list[str]) -> ParsedTexts:
    from spacy.attrs import HEAD

    if parser not in _pipelines:
        _pipelines[parser] = _load(parser)
    nlp, tokenizer = _pipelines[parser]
    docs = list(nlp.pipe([doc_of(tokenizer, text) for text in texts]))
    offsets = [doc.to_array(HEAD).astype(np.int64) for doc in docs]
    return ParsedTexts(np.array([len(doc) for doc in docs], dtype=np.int64), np.concatenate(offsets).astype(np.int32))


def _load(parser: Parser) -> Any:
    """The pipeline, and the tokenizer that the corpus was made with: a pipeline may have one of its own."""
    import spacy

    try:
        nlp = spacy.load(parser.name, exclude=parser.others)
        return nlp, spacy.blank(parser.language, vocab=nlp.vocab).tokenizer
    except Exception as error:  # spaCy leaks whatever its readers and factories raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{parser.name} can't be loaded: {reason}", setting="objective.parser") from None
