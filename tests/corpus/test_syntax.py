"""Each token's head, from trees on other tokens and from a parser: where it stands in the corpus."""

import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import spacy
from numpy.typing import NDArray
from spacy.tokens import Doc, DocBin
from spacy.training.alignment import Alignment
from spacy.training.converters import conllu_to_docs
from spacy.vocab import Vocab

from lmao.cache import Cache
from lmao.corpus import syntax as module
from lmao.corpus.corpus import Corpus
from lmao.corpus.encoding import encode
from lmao.corpus.syntax import align, check_heads, find_heads, head_rows
from lmao.data.document import Document, Part, Source, Tree
from lmao.errors import UserError
from tests.support.finished import Finished
from tests.support.pipelines import SENTENCES, parser_pipeline
from tests.support.recipes import WORDS
from tests.support.sources import docbins, files, imdb, jsonl, source, write

EWT = os.environ.get("LMAO_TEST_EWT")


def spans(text: str, words: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the words, separated by "|", stand in the text."""
    starts, end = [], 0
    for word in words.split("|"):
        starts.append(text.index(word, end))
        end = starts[-1] + len(word)
    return np.array(starts), np.array(starts) + [len(word) for word in words.split("|")]


@pytest.mark.parametrize(
    ("annotated", "heads", "tokens", "expected"),
    [
        pytest.param("he|did|n't|go", [3, 3, 3, 3], "he|did|n't|go", [3, 2, 1, 0], id="the same tokens"),
        pytest.param("he|didn't|go", [2, 2, 2], "he|did|n't|go", [3, 2, 1, 0], id="both pieces take the head"),
        pytest.param("he|didn't|go", [1, 1, 1], "he|did|n't|go", [1, 0, 0, -2], id="the first piece is the head"),
        pytest.param("he|did|n't|go", [3, 3, 1, 3], "he|didn't|go", [2, 1, 0], id="a head within the token is none"),
        pytest.param("he|did|n't|go", [3, 2, 3, 3], "he|didn't|go", [2, 1, 0], id="the second piece's lies outside"),
        pytest.param("he|did|n't|go", [1, 3, 0, 3], "he|didn't|go", [1, 1, 0], id="of two outside the first counts"),
        pytest.param("he did|n't go", [0, 0], "he|did|n't|go", [0, 0, -2, -3], id="words with spaces"),
        pytest.param("he|didn|'t|go", [1, 3, 1, 1], "he|did|n't|go", [1, 2, 1, -2], id="crossing borders"),
        pytest.param("he|go", [1, 1], "he|did|n't|go", [3, 0, 0, 0], id="nothing annotated there"),
        pytest.param("he|did|n't|go", [2, 2, 2, 2], "he|did|go", [0, 0, 0], id="no token where the head is"),
    ],
)
def test_a_tree_on_other_tokens(annotated: str, heads: list[int], tokens: str, expected: list[int]) -> None:
    text = "he didn't go"
    tree = Tree(*spans(text, annotated), np.array(heads))
    assert align(tree, *spans(text, tokens)).tolist() == expected


def annotated(text: str, heads: dict[int, int] | None = None) -> Doc:
    """The text's words, split at spaces alone; heads: of words, by number."""
    words = text.split(" ")
    given = [(heads or {}).get(number, number) for number in range(len(words))]
    deps = None if heads is None else ["ROOT" if head == number else "dep" for number, head in enumerate(given)]
    spaces = [True] * (len(words) - 1) + [False]
    return Doc(Vocab(), words=words, spaces=spaces, heads=None if heads is None else given, deps=deps)


def stored(path: Path, docs: list[Doc]) -> Source:
    """A file that has them twice, since a label needs two examples."""
    for doc in docs:
        doc.cats = {"a": 1.0}
    DocBin(docs=[*docs, *docs]).to_disk(path)
    return source(docbins(path))


class Attached:
    """A corpus with its heads."""

    def __init__(self, texts: Source, folder: Path, parser: str | None = None, threads: int = 1) -> None:
        self.source, self.parser, self.threads = texts, parser, threads
        self.cache = Cache(folder, warn=pytest.fail)
        self.corpus: Corpus = encode(texts, "en", self.cache, threads=1, advance=lambda words: None)[0]
        self.advanced: list[float] = []
        self.heads = self.again()

    def again(self) -> NDArray[np.int32]:
        heads, _ = find_heads(
            self.corpus, self.source, "en", self.parser, self.cache, self.threads, self.advanced.append
        )
        return heads

    def words(self, number: int) -> list[str | None]:
        """The head of each of a document's tokens as a word."""
        types = self.corpus.document(number)
        heads = self.heads[self.corpus.offsets[number] : self.corpus.offsets[number + 1]]
        words = [self.corpus.words[self.corpus.type_words[kind]] for kind in types]
        return [words[place + head] if head else None for place, head in enumerate(heads)]


def test_other_trees_are_another_pre_training(finished: Callable[..., Finished], tmp_path: Path) -> None:
    """Though texts and settings are the same."""
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(["dogs", "bark", "at", "night", "cats", "sleep"], 12)) for _ in range(40)]
    runs = []
    for step in (1, 2):
        docs = [annotated(text, {word: word + step for word in range(12 - step)}) for text in texts]
        for number, doc in enumerate(docs):
            doc.cats = {"a": float(number % 2), "b": float(1 - number % 2)}
        folder = tmp_path / str(step)
        folder.mkdir()
        DocBin(docs=docs).to_disk(folder / "texts.spacy")
        runs.append(
            finished(
                *WORDS, "data=docbin", f"data.path={folder / 'texts.spacy'}", "data.dev_examples=10", "objective=head",
                "vectors.min_count=1",
            ).result.pretrain
        )  # fmt: skip
    first, second = runs
    assert first is not None and second is not None
    assert second.cached == 0
    assert first.loss != second.loss


def test_heads_of_annotated_docs(tmp_path: Path) -> None:
    docs = [
        annotated("\n\n He didn't \n go. Was she there?", {0: 1, 1: 2, 2: 4, 3: 2, 4: 4, 5: 7, 6: 7, 7: 7}),
        annotated("Nobody annotated this"),
        annotated("Dogs bark", {0: 1, 1: 1}),
    ]
    found = Attached(stored(tmp_path / "a.spacy", docs), tmp_path / "cache")
    he, did, nt, space, go, stop, was, she, there, question = found.words(0)
    assert (he, did, nt, space, go, stop) == ("did", "go", "go", None, None, None)
    assert (was, she, there, question) == ("there", "there", None, None)
    assert found.words(1) == [None, None, None]
    assert found.words(2) == ["bark", None]


def test_white_space_has_no_head_and_is_none(tmp_path: Path) -> None:
    doc = Doc(
        Vocab(),
        words=["\n", "dogs", "\n\n", "bark", "loudly", "\n"],
        spaces=[False, True, False, True, False, False],
        heads=[1, 3, 1, 3, 2, 3],
        deps=["dep"] * 6,
    )
    found = Attached(stored(tmp_path / "a.spacy", [doc]), tmp_path / "cache")
    assert found.words(0) == ["bark", None, None, None]


def test_chunks_and_documents_are_put_together_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docs = [annotated("Dogs bark " * number + "now", {0: 2 * number}) for number in range(1, 20)]
    texts = stored(tmp_path / "a.spacy", docs)
    whole = Attached(texts, tmp_path / "whole")
    monkeypatch.setattr(module, "CHUNK_CHARACTERS", 60)
    parts = Attached(texts, tmp_path / "parts")
    assert len(whole.advanced) == 1 < 10 < len(parts.advanced)
    assert sum(parts.advanced) == len(parts.corpus.tokens) == len(parts.heads)
    np.testing.assert_array_equal(whole.heads, parts.heads)
    assert [parts.heads[start] for start in parts.corpus.offsets[:19]] == [2 * number for number in range(1, 20)]


def test_heads_are_kept_by_their_trees_not_by_the_text_alone(tmp_path: Path) -> None:
    first = Attached(stored(tmp_path / "a.spacy", [annotated("dogs bark", {0: 1})]), tmp_path / "cache")
    assert isinstance(first.heads, np.memmap) and first.heads.dtype == np.int32
    done = list(first.advanced)
    np.testing.assert_array_equal(first.again(), first.heads)
    assert first.advanced == done, "made again"
    second = Attached(stored(tmp_path / "b.spacy", [annotated("dogs bark", {1: 0})]), tmp_path / "cache")
    assert second.corpus.digest == first.corpus.digest
    assert (first.words(0), second.words(0)) == (["bark", None], [None, "dogs"])


def test_data_without_heads_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^objective\.parser: .*data=docbin has none: name an installed pipeline"):
        Attached(stored(tmp_path / "a.spacy", [annotated("dogs bark")]), tmp_path / "cache")
    assert not list((tmp_path / "cache" / "heads").glob("*/"))
    with pytest.raises(UserError, match=r"^objective\.parser: .*data=imdb has none: .*en_core_web_sm$"):
        check_heads(imdb(None), None)
    with pytest.raises(UserError, match=r"^objective\.parser: en_none is neither an installed pipeline"):
        check_heads(imdb(None), "en_none")
    check_heads(docbins(tmp_path / "a.spacy"), None)


def test_texts_that_have_changed_since_are_refused(tmp_path: Path) -> None:
    class Changed:
        name = "docbin"

        def __init__(self, texts: Source, documents: list[Document]) -> None:
            self.fingerprint, self._documents = texts.fingerprint, documents

        def documents(self) -> Iterator[Document]:
            yield from self._documents

    texts = stored(tmp_path / "a.spacy", [annotated("dogs bark", {0: 1})])
    documents = list(texts.documents())
    longer = Document("dogs bark now", "a", Part.TRAIN)
    for other in (documents[:-1], [*documents, longer], [*documents[:-1], longer]):
        found = Attached(texts, tmp_path / "cache")
        shutil.rmtree(tmp_path / "cache" / "heads")
        found.source = Changed(texts, other)
        with pytest.raises(UserError, match="the texts have changed"):
            found.again()


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parser_pipeline(tmp_path_factory.mktemp("pipeline") / "model")


def test_a_parser_gives_any_text_heads(pipeline: Path, tmp_path: Path) -> None:
    texts = [f"{first}.\n\n She'd say {second}" for first, _ in SENTENCES for second, _ in SENTENCES]
    rows = [{"text": text, "label": "ab"[number % 2]} for number, text in enumerate(texts)]
    data = files(write(tmp_path / "a.jsonl", jsonl(rows)))
    check_heads(data, str(pipeline))
    found = Attached(source(data), tmp_path / "cache", str(pipeline))
    expected = [
        0 if token.is_space or token.head.is_space else token.head.i - token.i
        for doc in spacy.load(pipeline, exclude=["explodes"]).pipe(texts)
        for token in doc
    ]
    assert found.heads.tolist() == expected
    done = list(found.advanced)
    assert found.again().tolist() == expected and found.advanced == done
    (pipeline / "vocab" / "added").write_text("another pipeline")
    found.again()
    assert found.advanced != done
    (pipeline / "vocab" / "added").unlink()


def test_head_rows_are_those_of_the_heads_types() -> None:
    tokens = np.array([3, 0, 2, 3, 0], dtype=np.int32)
    heads = np.array([1, 0, -2, -2, -2], dtype=np.int32)
    rows = np.array([7, 9, 5, -1], dtype=np.int32)
    found = head_rows(heads, tokens, np.array([4, 0, 1, 2, 3]), rows)
    assert found.dtype == np.int32
    assert found.tolist() == [5, 7, -1, -1, 7]
    assert head_rows(heads, tokens, np.zeros(0, dtype=np.int64), rows).tolist() == []


@pytest.mark.skipif(EWT is None, reason="LMAO_TEST_EWT does not name a folder of UD English EWT")
def test_heads_of_a_treebank_are_the_annotators(tmp_path: Path) -> None:
    """Compared with spaCy's own alignment where a token and its head are one token in both."""
    assert EWT is not None
    with gzip.open(Path(EWT) / "en_ewt-ud-dev.conllu.gz", "rt", encoding="utf-8") as file:
        docs = list(islice(conllu_to_docs(file.read(), n_sents=10, no_print=True), 60))
    found = Attached(stored(tmp_path / "a.spacy", docs), tmp_path / "cache")
    tokenizer = spacy.blank("en").tokenizer
    compared, tokens = 0, 0
    for number, doc in enumerate(docs):
        own = tokenizer(doc.text.strip())
        heads = found.heads[found.corpus.offsets[number] : found.corpus.offsets[number + 1]]
        aligned = Alignment.from_strings([token.text for token in own], [token.text for token in doc])
        overlapped = [[doc[int(other)] for other in aligned.x2y[place]] for place in range(len(own))]
        single = {  # annotated token: ours
            others[0].i: place
            for place, others in enumerate(overlapped)
            if len(others) == 1 and len(aligned.y2x[others[0].i]) == 1
        }
        for place, others in enumerate(overlapped):
            if own[place].is_space:
                assert heads[place] == 0
                continue
            tokens += 1
            assert (heads[place] == 0) <= any(other.head == other for other in others), "only roots have none"
            if others[0].i in single and others[0].head.i in single:
                assert heads[place] == single[others[0].head.i] - place
                compared += 1
    assert compared > 0.94 * tokens > 5000
