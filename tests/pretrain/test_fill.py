"""A run's folder gives the words that pre-training's held-out measure finds, or one line that says why it can't."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rich.console
from spacy.lang.en import English

from lmao import fill
from lmao.config.run import Config
from lmao.console import Console
from lmao.corpus.encoding import MASK
from lmao.corpus.selection import Selection
from lmao.data.source import open_source
from lmao.encoder.dropout import NO_DROPOUT
from lmao.encoder.encoder import Encoder, TypeTable
from lmao.engine.layers import Workspace
from lmao.engine.parameters import Floats, Parameters
from lmao.objectives.masking import MASK_TYPE
from lmao.objectives.output import OutputLayer
from lmao.objectives.whitening import prepare
from lmao.pretrain.language_model import LanguageModel
from lmao.run.arms import cnn
from lmao.run.experiment import run
from lmao.run.stages.pretrain import pretrain
from lmao.stop import StopSignal
from lmao.tracking.off import NullStore
from lmao.tracking.trial import NoTrial
from lmao.vectors.lookup import TypeVectors
from lmao.vectors.nearest import nearest, unit_rows
from tests.support.finished import Finished
from tests.support.recipes import WORDS

SENTENCE = "Return the [MASK] of an array ."


@dataclass(frozen=True)
class Learned:
    """A run of debug=tiny, and what its pre-training worked with."""

    folder: Path
    settings: Config
    encoder: Encoder
    types: TypeTable
    targets: TypeVectors
    texts: Selection
    weights: Parameters


@pytest.fixture(scope="module")
def learned(
    request: pytest.FixtureRequest, compose: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Learned]:
    seen: dict[str, Any] = {}

    def listening(*arguments: Any) -> Any:
        _, classifier, data, targets, *_ = arguments
        result = pretrain(*arguments)
        seen.update(encoder=classifier.encoder, types=classifier.types, targets=targets, texts=data.texts)
        seen.update(weights=result.weights)
        return result

    settings = compose(
        "debug=tiny", *WORDS, "threads=1", "textcat.epochs=1", getattr(request, "param", "objective=cosine")
    )
    folder = tmp_path_factory.mktemp("learned")
    with pytest.MonkeyPatch.context() as patch, StopSignal() as stop:
        patch.setattr(cnn, "pretrain", listening)
        run(settings, folder, Console(rich.console.Console(quiet=True)), stop, NoTrial(), NullStore())
    yield Learned(folder, settings, **seen)


def measured(run: Learned, number: int, at: int) -> tuple[list[str], Floats]:
    """The ten nearest words and their cosines, as they are looked up in pre-training, of one word of a document."""
    ids = np.full(2 * run.encoder.gap + len(run.texts.corpus.document(number)), -1, dtype=np.int32)
    ids[run.encoder.gap : -run.encoder.gap] = run.texts.corpus.document(number)
    row = run.encoder.gap + at
    ids[row] = MASK_TYPE
    space = Workspace()
    encoded, _ = run.encoder(run.weights, run.types, ids, np.array([row]), NO_DROPOUT, space)
    ((name, (part, _)),) = run.settings.parts.items()
    part_: Any = part
    rows, dims = run.targets.predictable, run.targets.vectors.shape[1]
    outputs = 3 * dims if name == "trigram" else dims
    prediction, _ = OutputLayer(name, part_, run.encoder.width, outputs)(run.weights, encoded, space)
    counts = np.bincount(rows[rows >= 0], run.texts.counts[rows >= 0], minlength=len(run.targets.vectors))
    units = unit_rows(prepare(run.targets.vectors, counts, part_.center, part_.whiten))
    own = prediction[:, dims : 2 * dims] if name == "trigram" else prediction
    found, cosines = nearest(own.copy(), units, 10)
    words = {int(row): word for row, word in zip(rows[::-1], run.texts.corpus.type_words[::-1], strict=True)}
    return [run.texts.corpus.words[words[int(row)]] for row in found[0]], cosines[0]


def masked(run: Learned, wanted: int) -> Iterator[tuple[str, int, int]]:
    """Texts with one word masked, the document's number, and which of its tokens the word is."""
    tokenizer = English().tokenizer
    documents = [document.text for document in open_source(run.settings.data, run.folder).documents()]
    for number in run.texts.documents[:wanted]:
        doc = tokenizer(documents[number])
        at = next(token.i for token in doc[len(doc) // 2 :] if token.is_alpha and token.whitespace_)
        if at and doc[at - 1].whitespace_:
            yield doc[:at].text + f" {MASK} " + doc[at + 1 :].text, int(number), at


@pytest.mark.parametrize("learned", ["objective=cosine", "objective=trigram"], indirect=True)
def test_the_best_words_are_those_of_the_held_out_measure(learned: Learned) -> None:
    model = LanguageModel(learned.folder)
    compared = 0
    for text, number, at in masked(learned, 12):
        (filled,) = model.fill(text, 10)
        words, cosines = measured(learned, number, at)
        np.testing.assert_allclose(filled.cosines, cosines, atol=2e-5)
        assert filled.words[0] == words[0]
        assert len(set(filled.words) & set(words)) >= 9  # of two that tie within rounding the last may differ
        compared += 1
    assert compared >= 5


def test_the_table_holds_words_no_white_space_and_none_twice(learned: Learned) -> None:
    words = json.loads((learned.folder / "language_model" / "words.json").read_text())
    table = np.load(learned.folder / "language_model" / "table.npy")
    assert len(words) == len(set(words)) == len(table)
    assert not any(word.isspace() for word in words)
    np.testing.assert_allclose(np.linalg.norm(table, axis=1), 1, atol=1e-5)


def test_each_mask_is_filled_in_its_order_glued_to_a_word_or_not(learned: Learned) -> None:
    model = LanguageModel(learned.folder)
    apart, glued = (model.predict(text) for text in ("a [MASK] of ( [MASK] ) .", "a [MASK] of ([MASK])."))
    np.testing.assert_allclose(apart, glued, atol=1e-6)
    assert not np.allclose(apart[0], apart[1])
    assert model.predict("[MASK][MASK]-like").shape[0] == 2


def test_as_many_words_as_asked_for_the_best_first(learned: Learned) -> None:
    (filled,) = LanguageModel(learned.folder).fill(SENTENCE, 25)
    assert len(filled.words) == len(set(filled.words)) == 25
    assert list(filled.cosines) == sorted(filled.cosines, reverse=True)


def test_the_command_takes_sentences_or_lines(
    learned: Learned, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--model", str(learned.folder), "--top", "3"]
    command = [sys.executable, "-m", "lmao.fill", *options, SENTENCE, "[MASK] and [MASK]"]
    given = subprocess.run(command, capture_output=True, text=True)
    assert given.returncode == 0 and given.stderr == ""
    lines = given.stdout.splitlines()
    assert [lines[0], lines[2]] == [SENTENCE, "[MASK] and [MASK]"]
    assert len(lines) == 5 and all(line.count(" · ") == 2 for line in (lines[1], lines[3], lines[4]))
    monkeypatch.setattr("sys.stdin", [f"{SENTENCE}\n", "\n", "[MASK] and [MASK]\n"])
    assert fill.main(options) == 0
    assert capsys.readouterr().out == given.stdout


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert fill.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("pretrain.epochs=0",), "did not pre-train: train one with +recipe=words"),
        ((), "has not learned to predict masked words: train one with +recipe=words"),
    ],
)
def test_a_run_without_a_language_model_says_why(
    overrides: tuple[str, ...], message: str, finished: Callable[..., Finished], capsys: pytest.CaptureFixture[str]
) -> None:
    found = finished(*overrides)
    assert not (found.folder / "language_model").exists()
    assert message in refused(capsys, "--model", str(found.folder), SENTENCE)


def test_what_is_no_model_is_one_line(
    learned: Learned, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = tmp_path / "copied"
    assert "has no result.json: name the folder of a finished run" in refused(
        capsys, "--model", str(tmp_path), SENTENCE
    )
    shutil.copytree(learned.folder, copied)
    run = ("--model", str(copied))
    assert "no [MASK] in 'The film .'" in refused(capsys, *run, "The film .")
    assert "--top 0: give 1 or more" in refused(capsys, *run, SENTENCE, "--top", "0")
    monkeypatch.setattr("sys.stdin", [])
    assert "no sentence" in refused(capsys, *run)
    (copied / "tok2vec.bin").write_bytes(b"no weights")
    assert "is damaged (tok2vec.bin has changed): train the run again" in refused(capsys, *run, SENTENCE)
    for name in ("model", "language_model"):
        shutil.rmtree(copied / name)
    assert "keeps no model: a sweep keeps its best trial's" in refused(capsys, *run, SENTENCE)


@pytest.mark.parametrize(
    "name",
    [
        "result.json", "manifest.json", "tok2vec.bin", "model/textcat/model", "model/vocab/strings.json",
        "model/config.cfg", "language_model/table.npy", "language_model/words.json", "language_model/manifest.json",
    ],
)  # fmt: skip
def test_one_byte_that_has_changed_is_one_line(
    name: str, learned: Learned, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(learned.folder, copied)
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    assert f"{copied} is damaged (" in refused(capsys, "--model", str(copied), SENTENCE)


def test_the_mark_is_that_of_the_corpus() -> None:
    assert fill.MASK == MASK
