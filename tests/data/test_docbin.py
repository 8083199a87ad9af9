""".spacy files: highest category, and damage in one line."""

import zlib
from pathlib import Path

import numpy as np
import spacy
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from lmao.data.document import Part
from lmao.errors import UserError
from tests.support.sources import docbins, documents, message, write


def docbin(path: Path, cats: list[dict[str, float]], texts: list[str] | None = None) -> Path:
    tokenizer = spacy.blank("en")
    stored = DocBin()
    for number, scores in enumerate(cats):
        doc = tokenizer(f"Text number {number}, isn't it?" if texts is None else texts[number])
        doc.cats = scores
        stored.add(doc)
    stored.to_disk(path)
    return path


TWO_EACH: list[dict[str, float]] = [{"a": 1.0, "b": 0.0}, {"a": 0.2, "b": 0.8}] * 2


def test_docbin_label_is_the_highest_category(tmp_path: Path) -> None:
    found = documents(docbins(docbin(tmp_path / "a.spacy", TWO_EACH)))
    assert [(d.text, d.label) for d in found[:2]] == [
        ("Text number 0, isn't it?", "a"),
        ("Text number 1, isn't it?", "b"),
    ]


def test_docbin_heads_come_with_the_characters_of_the_stripped_text(tmp_path: Path) -> None:
    words, spaces = ["\n", "Dogs", "don't", "bark"], [True, True, True, False]
    parsed = Doc(Vocab(), words=words, spaces=spaces, heads=[1, 3, 3, 3], deps=["dep"] * 4)
    plain = Doc(Vocab(), words=words, spaces=spaces)
    for doc in (parsed, plain):
        doc.cats = {"a": 1.0}
    DocBin(docs=[parsed, plain]).to_disk(tmp_path / "a.spacy")
    first, second = documents(docbins(tmp_path / "a.spacy"))
    assert first.text == second.text == "Dogs don't bark"
    assert first.tree is not None and second.tree is None
    assert (first.tree.starts.tolist(), first.tree.ends.tolist()) == ([-2, 0, 5, 11], [-1, 4, 10, 15])
    assert first.tree.heads.tolist() == [1, 3, 3, 3]


def test_docbin_folder_is_all_its_files_and_unlabelled_needs_no_category(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    docbin(tmp_path / "train" / "b.spacy", TWO_EACH)
    docbin(tmp_path / "train" / "a.spacy", TWO_EACH[:2])
    (tmp_path / "train" / "._a.spacy").write_bytes(b"a Mac's attributes of a.spacy")
    (tmp_path / "train" / "c").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    docbin(tmp_path / "elsewhere" / "c.spacy", TWO_EACH[:1])
    unlabelled = docbin(tmp_path / "raw.spacy", [{}])
    found = documents(docbins(tmp_path / "train", unlabelled_path=unlabelled))
    assert [d.part for d in found] == [Part.TRAIN] * 7 + [Part.UNLABELLED]


def test_docbin_errors_name_file_and_document(tmp_path: Path) -> None:
    path = tmp_path / "a.spacy"
    docbin(path, [*TWO_EACH, {}])
    assert "a.spacy: document 5: no category" in message(docbins(path))
    docbin(path, [*TWO_EACH, {"a": 0.5, "b": 0.5}])
    assert "a.spacy: document 5: no single highest" in message(docbins(path))
    docbin(path, [*TWO_EACH, {"a": 0.0, "b": 0.0}])
    assert message(docbins(path)) == (
        f"{path}: document 5: no category has a score above 0 ('a', 'b': 0): remove the document"
    )
    docbin(path, TWO_EACH[:2], ["a", " "])
    assert [d.text for d in documents(docbins(path))] == ["a"]
    docbin(path, [])
    assert "a.spacy: no text in it" in message(docbins(path))
    assert "neither a .spacy file nor a folder" in message(docbins(write(tmp_path / "a.txt", "text")))
    (tmp_path / "empty").mkdir()
    assert "neither a .spacy file nor a folder" in message(docbins(tmp_path / "empty"))


def test_docbin_damage_is_one_line(tmp_path: Path) -> None:
    inside = zlib.decompress(docbin(tmp_path / "a.spacy", TWO_EACH).read_bytes())
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        position = random.integers(len(inside))
        content = inside[:position] + random.bytes(1) + inside[position + 1 :]
        path = write(tmp_path / "b.spacy", zlib.compress(content))
        try:
            documents(docbins(path))
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 20
    for content in (b"", b"text", zlib.compress(inside)[:-20], zlib.compress(inside + b"x"), zlib.compress(b"\xc1")):
        assert "b.spacy: a damaged or incomplete DocBin" in message(docbins(write(tmp_path / "b.spacy", content)))
