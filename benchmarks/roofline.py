"""How near each way of a run's words comes to what the machine can do: its products and its memory, measured in the
same minutes, and where the rest of the time goes."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.setting import Bench, settings_of
from benchmarks.speed import BATCHES, DOCUMENTS, sgemm
from benchmarks.table import Table, spread
from lmao.config.textcat import EncoderTextcat
from lmao.corpus.batches import Segments
from lmao.encoder.dropout import Dropout
from lmao.encoder.opening import open_encoder
from lmao.engine.initialization import initialize
from lmao.engine.optimizer import Adam
from lmao.engine.parameters import Floats
from lmao.engine.team import Team
from lmao.objectives.tasks import DocumentTask, WordTask
from lmao.pretrain.loop import Pretraining
from lmao.pretrain.texts import PretrainTexts
from lmao.textcat.classifier import Classifier

POOLED = (  # over the settings of the other measurements
    "objective=whole_document", "pretrain=document", "pretrain.mask_rate=0", "pretrain.batch_words=800",
    "pretrain.window_words=12",
)  # fmt: skip
POOLED_DIMS = 96  # of vectors=document
POOLED_BATCHES = 30
UPDATES = 8  # of fine-tuning
REVIEWS = 200  # predicted
NUMBERS = 8_000_000  # in an array that memory is measured on: no cache holds three of them
PARTS: Mapping[str, Sequence[tuple[Any, str]]] = {
    "products": [(np, "matmul")],
    "update": [(Adam, "step")],
    "batch": [(PretrainTexts, "batch"), (DocumentTask, "targets_of"), (WordTask, "targets_of")],
}


@dataclass(frozen=True)
class Way:
    """What becomes of `words` words in a round, in so many updates of so many numbers."""

    name: str
    words: int
    updates: int
    numbers: int
    round: Callable[[Team], None]

    def seconds(self, team: Team) -> float:
        began = perf_counter()
        self.round(team)
        return perf_counter() - began

    def bytes_a_word(self, threads: int) -> float:
        """Of the updates: weights, two moments, the average and the threads' gradients are read and written."""
        return 2 * 4 * self.numbers * (4 + threads) * self.updates / self.words


def roofline(bench: Bench, data: str | None, threads: Sequence[int], rounds: int) -> Table:
    rows = []
    for way in (_masked(bench), _pooled(bench, data), fine_tuning(bench), prediction(bench)):
        flops, parts = watched(way)
        for number in threads:
            speeds, reached, rates, widths = [], [], [], []
            for _ in range(rounds):
                with Team(number) as team:
                    speeds.append(way.words / way.seconds(team))
                    rates.append(sgemm(team))
                    widths.append(bandwidth(team))
                reached.append(100 * speeds[-1] * (flops / rates[-1] + way.bytes_a_word(number) / widths[-1]))
            row = [way.name, str(number), spread(speeds), f"{flops / 1e6:.2f}", f"{way.bytes_a_word(number) / 1e3:.0f}"]
            row += [f"{median(rates) / 1e9:.0f}", f"{median(widths) / 1e9:.0f}", spread(reached)]
            rows.append(row + [f"{share:.0%}" if number == 1 else "" for share in parts])
    note = (
        f"{rounds} rounds, each with the machine's own SGEMM, and sums of arrays that no cache holds; median (least – "
        "greatest). Reached: what the products that are done and an update's way through memory would take at these "
        "rates, of the time they took. The last four are shares of one thread's time; the rest is all other loops, and "
        "Python. Masked words: batches of 3,000. Pooled windows: the default recipe, 12 words each, batches of 800, "
        f"vectors of {POOLED_DIMS} numbers. Fine-tuning: batches of {_settings(bench).batch_size} reviews."
    )
    columns = ["", "threads", "words/s", "MFLOP a word", "KB a word", "SGEMM, GFLOP/s", "memory, GB/s", "reached, %"]
    return Table("What the machine can do", note, [*columns, *PARTS, "rest"], rows)


def bandwidth(team: Team) -> float:
    """Bytes/s of c = a + b, on all threads of the team at once."""

    def work(member: int, arrays: Sequence[Floats]) -> None:
        np.add(arrays[0], arrays[1], out=arrays[2])

    own = [[np.ones(NUMBERS, dtype=np.float32) for _ in range(3)] for _ in range(team.threads)]
    team.map(work, own)
    began = perf_counter()
    team.map(work, own)
    return team.threads * 3 * 4 * NUMBERS / (perf_counter() - began)


def _masked(bench: Bench) -> Way:
    return pretraining_of(
        "masked words", bench.pretraining(bench.settings, DOCUMENTS), bench.batches(DOCUMENTS, BATCHES)
    )


def _pooled(bench: Bench, data: str | None) -> Way:
    narrow = np.ascontiguousarray(bench.vectors[:, :POOLED_DIMS])
    own = replace(bench, types=replace(bench.types, vectors=narrow))
    pretraining = own.pretraining(settings_of(data, *POOLED), DOCUMENTS)
    return pretraining_of("pooled windows", pretraining, pretraining.texts.steps(1)[:POOLED_BATCHES])


def pretraining_of(name: str, pretraining: Pretraining, steps: Sequence[Segments]) -> Way:
    numbers = pretraining.optimizer.weights.flat.size

    def updates(team: Team) -> None:
        gradients = team.gradients(numbers)
        for number, step in enumerate(steps):
            pretraining.update(step, 1, number, team, gradients)

    return Way(name, sum(int(step.lengths.sum()) for step in steps), len(steps), numbers, updates)


def fine_tuning(bench: Bench) -> Way:
    settings, classifier = _settings(bench), _classifier(bench)
    optimizer = Adam(bench.settings.optimizer, initialize(classifier.shapes, 0))
    numbers, size = optimizer.weights.flat.size, settings.batch_size
    batches = np.flatnonzero(bench.corpus.labels >= 0)[: UPDATES * size].reshape(-1, size)

    def updates(team: Team) -> None:
        gradients = team.gradients(numbers)
        for number, texts in enumerate(batches):
            dropout, labels = Dropout(settings.dropout, settings.vector_dropout, number), bench.corpus.labels[texts]
            classifier.learn_from(optimizer.weights, texts, labels, dropout, team, gradients)
            optimizer.step(gradients, bench.settings.optimizer.learn_rate, team.executor)

    return Way("fine-tuning", bench.corpus.count(batches.ravel()), len(batches), numbers, updates)


def prediction(bench: Bench) -> Way:
    classifier = _classifier(bench)
    weights = initialize(classifier.shapes, 0)
    texts = np.flatnonzero(bench.corpus.labels >= 0)[:REVIEWS]

    def predict(team: Team) -> None:
        classifier.predict(weights, texts, team)

    return Way("prediction", bench.corpus.count(texts), 0, 0, predict)


def _settings(bench: Bench) -> EncoderTextcat:
    settings = bench.settings.textcat
    assert isinstance(settings, EncoderTextcat)
    return settings


def _classifier(bench: Bench) -> Classifier:
    encoder = open_encoder(bench.settings.encoder, bench.vectors.shape[1])
    return Classifier(encoder, bench.types, bench.corpus, 2)


def watched(way: Way) -> tuple[float, list[float]]:
    """FLOPs a word of the products that are done, and the shares of one thread's time: the parts', and the rest."""
    with Team(1) as team:
        way.round(team)
        with _counted() as flops:
            way.round(team)
        with _timed() as seconds:
            whole = way.seconds(team)
    shares = [seconds[part] / whole for part in PARTS]
    return sum(flops) / way.words, [*shares, 1 - sum(shares)]


@contextmanager
def _counted() -> Iterator[list[float]]:
    """FLOPs of each product while it is open."""
    flops: list[float] = []
    multiply = np.matmul

    def counting(A: Floats, B: Floats, out: Floats) -> None:
        flops.append(2.0 * A.shape[-1] * out.size)
        multiply(A, B, out=out)

    with patch.object(np, "matmul", counting):
        yield flops


@contextmanager
def _timed() -> Iterator[Mapping[str, float]]:
    """The seconds of each part while it is open."""
    seconds: dict[str, float] = defaultdict(float)

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            began = perf_counter()
            answer = function(*arguments, **named)
            seconds[part] += perf_counter() - began
            return answer

        return call

    with ExitStack() as patches:
        for part, places in PARTS.items():
            for owner, name in places:
                patches.enter_context(patch.object(owner, name, timed(part, getattr(owner, name))))
        yield seconds
