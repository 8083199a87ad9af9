"""What every arm returns, and what its trial is told of before anything is trained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lmao.cache import key_of
from lmao.engine.parameters import Floats
from lmao.run.code import sources_digest
from lmao.run.context import Context
from lmao.run.result import ChoiceSummary, PretrainSummary, TextcatSummary
from lmao.run.stages.encode import Dataset
from lmao.textcat.combination import Combination
from lmao.textcat.folds import HeldOut
from lmao.trained.chosen import Chosen, Share
from lmao.vectors.lookup import TypeVectors

Predict = Callable[[NDArray[np.int64], Callable[[float], None]], Floats]


@dataclass(frozen=True)
class Choice:
    """What textcat=auto came to. arms: in the order of summary.arms, which says what is known of them before dev;
    control: the encoder without pre-training, if there is one."""

    arms: Mapping[str, Predict]
    control: Predict | None
    combination: Combination
    summary: ChoiceSummary


@dataclass(frozen=True)
class Trained:
    """predict(documents (n,), advance) gives probabilities (n, classes); advance is told of the words done.

    chosen: that in the form that is saved; temperature: what their logits were divided by, None if they are as they
    were trained; held_out: what was said of the training examples by models that had not learned from them, if anything
    was.
    """

    predict: Predict
    pretrain: PretrainSummary | None
    textcat: TextcatSummary
    parameters: int
    model_mb: float | None
    digests: Mapping[str, str]  # of all that it depends on
    chosen: Chosen
    temperature: float | None = None
    held_out: HeldOut | None = None
    choice: Choice | None = None


def chosen_of(context: Context, data: Dataset, vectors: TypeVectors | None, shares: Sequence[Share]) -> Chosen:
    table = None if vectors is None else vectors.table
    return Chosen(context.settings.data.language, data.texts.corpus.label_names, table, shares)


def tell_trial(context: Context, data: Dataset, **found: str | None) -> Mapping[str, str]:
    """The digests of all that the run depends on; its trial is told of them before anything is trained.

    Raises:
        AlreadyRun: another trial has run the same.
    """
    digests = {"config": key_of(context.settings.science()), "data": data.digest}
    digests |= {name: digest for name, digest in found.items() if digest is not None}
    context.trial.look_up(digests, sources_digest())
    return digests
