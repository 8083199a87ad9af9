"""Which pipelines can be used, what of them is loaded, and that their heads are spaCy's own."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import spacy

from lmao.corpus import parsing
from lmao.corpus.parsing import ParsedTexts, find_parser, parse
from lmao.errors import UserError
from tests.support.pipelines import SENTENCES, parser_pipeline

TEXTS = [f"{text}.\n\n  She'd say {other}, wouldn't she?" for text, _ in SENTENCES for other, _ in SENTENCES]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parser_pipeline(tmp_path_factory.mktemp("pipeline") / "model")


@pytest.fixture
def copy(pipeline: Path, tmp_path: Path) -> Path:
    shutil.copytree(pipeline, tmp_path / "copy")
    return tmp_path / "copy"


def refused(name: Path | str, language: str = "en") -> str:
    with pytest.raises(UserError) as caught:
        find_parser(str(name), language)
    message = str(caught.value)
    assert message.startswith("objective.parser: ") and "\n" not in message
    return message


def joined(parsed: list[ParsedTexts]) -> tuple[list[int], list[int]]:
    lengths = np.concatenate([chunk.lengths for chunk in parsed]).tolist()
    return lengths, np.concatenate([chunk.offsets for chunk in parsed]).tolist()


def test_heads_are_those_that_the_whole_pipeline_finds(pipeline: Path) -> None:
    docs = list(spacy.load(pipeline, exclude=["explodes"]).pipe(TEXTS))
    lengths, offsets = joined(list(parse(iter([TEXTS]), find_parser(str(pipeline), "en"), threads=1)))
    assert lengths == [len(doc) for doc in docs]
    assert offsets == [token.head.i - token.i for doc in docs for token in doc]
    assert len({token.head.i - token.i for doc in docs for token in doc}) > 4, "too simple to tell"


def test_processes_find_the_same_heads(pipeline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "FEW_CHUNKS", 2)
    parser = find_parser(str(pipeline), "en")
    chunks = [TEXTS[:3], TEXTS[3:4], TEXTS[4:]]
    assert joined(list(parse(iter(chunks), parser, 2))) == joined(list(parse(iter(chunks), parser, 1)))


def test_the_tokens_are_our_tokenizers_whatever_the_pipelines_own_is(copy: Path) -> None:
    (copy / "tokenizer").unlink()
    nlp = spacy.blank("en")
    nlp.tokenizer.rules = {}
    nlp.tokenizer.to_disk(copy / "tokenizer")
    assert len(spacy.load(copy, exclude=["explodes"]).make_doc("didn't")) == 1
    [found] = parse(iter([["she didn't"]]), find_parser(str(copy), "en"), 1)
    assert found.lengths.tolist() == [3]


def test_only_what_the_parser_needs_is_loaded(pipeline: Path) -> None:
    parser = find_parser(str(pipeline), "en")
    assert parser.components == ("tok2vec", "heads")
    assert set(parser.others) == {"tagger", "explodes"}
    assert {name.split("/")[0] for name in parser.digests()} == {"config.cfg", "vocab", "tok2vec", "heads"}


def test_a_sentence_splitter_is_kept_and_an_embedder_without_listeners_is_not(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    for name in ("tok2vec", "sentencizer", "parser", "senter"):
        nlp.add_pipe(name)
    nlp.to_disk(tmp_path)
    assert find_parser(str(tmp_path), "en").components == ("sentencizer", "parser")


def test_digests_follow_the_weights_not_the_place(pipeline: Path, copy: Path) -> None:
    first, second = find_parser(str(pipeline), "en"), find_parser(str(copy), "en")
    assert first.digests() == second.digests()
    content = (copy / "heads" / "model").read_bytes()
    (copy / "heads" / "model").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert first.digests() != second.digests()


def test_an_installed_package_is_found_by_name(pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "en_tiny_heads"
    shutil.copytree(pipeline, package / "en_tiny_heads-1.2.3")
    meta = {**json.loads((pipeline / "meta.json").read_text()), "name": "tiny_heads", "version": "1.2.3"}
    for folder in (package, package / "en_tiny_heads-1.2.3"):
        (folder / "meta.json").write_text(json.dumps(meta))
    load = "from spacy.util import load_model_from_init_py\n\n\ndef load(**k):\n"
    (package / "__init__.py").write_text(load + "    return load_model_from_init_py(__file__, **k)\n")
    (tmp_path / "en_tiny_heads-1.2.3.dist-info").mkdir()
    (tmp_path / "en_tiny_heads-1.2.3.dist-info" / "METADATA").write_text("Name: en-tiny-heads\nVersion: 1.2.3\n")
    monkeypatch.syspath_prepend(tmp_path)
    parser = find_parser("en_tiny_heads", "en")
    assert parser.components == ("tok2vec", "heads")
    assert joined(list(parse(iter([TEXTS]), parser, 1))) == joined(
        list(parse(iter([TEXTS]), find_parser(str(pipeline), "en"), 1))
    )


def test_an_unusable_pipeline_is_refused_in_one_line(copy: Path, tmp_path: Path) -> None:
    message = refused("en_no_such_pipeline")
    assert "neither an installed pipeline nor the folder" in message and "spacy download" in message
    assert "neither an installed" in refused(tmp_path / "missing")
    assert "has no config.cfg" in refused(tmp_path)
    assert "is for 'en', but data.language is 'de'" in refused(copy, "de")
    spacy.blank("en").to_disk(tmp_path / "blank")
    assert "has no parser, only a tokenizer" in refused(tmp_path / "blank")
    config = (copy / "config.cfg").read_text()
    (copy / "config.cfg").write_text(config.replace("disabled = []", 'disabled = ["heads"]'))
    assert "has no parser, only tok2vec, tagger, explodes" in refused(copy)
    (copy / "config.cfg").write_text("no config")
    assert "has no config.cfg" in refused(copy)


def test_damage_is_one_error_line_when_it_is_loaded(copy: Path) -> None:
    (copy / "heads" / "model").write_bytes(b"damage")
    with pytest.raises(UserError, match=r"^objective\.parser: .* can't be loaded: ") as caught:
        list(parse(iter([["text"]]), find_parser(str(copy), "en"), 1))
    assert "\n" not in str(caught.value)
