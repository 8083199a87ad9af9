"""Which of the batch's targets is it? A softmax over them, after the headless language models of Godey et al. 2024."""

import numpy as np

from lmao.engine.parameters import Floats
from lmao.objectives.targets import Targets

TINY = np.float32(1e-8)  # the least length a vector is divided by


def contrastive(prediction: Floats, targets: Targets, temperature: float) -> tuple[Floats, float]:
    """The cross-entropy of a softmax, by similarity, over the targets of the batch.

        Σ w (log Σ_c exp(cos(p, c) / temperature) - cos(p, t) / temperature) / W

    Source: Godey, de la Clergerie & Sagot, "Headless Language Models: Learning without Predicting with Contrastive
    Weight Tying", ICLR 2024. The paper has dot products and a temperature of 1, with targets that are learned too; ours
    are fixed, their lengths say more about frequency than about meaning, and predictions are looked up by cosine. Each
    distinct target counts once, however often the batch has it: in the paper a word's repetitions are negatives of each
    other.
    Needs: `candidates` (m, dims), the distinct targets c of the whole batch, and `places` (n,), which of them each is.
    The more words a batch has (pretrain.batch_words), the harder the question.
    Relates to: `cosine`, the same without the other candidates; `document` can add it to its own loss.
    Example: python train.py +recipe=words objective=contrastive objective.temperature=0.1
    """
    unit, length = _directions(prediction)
    candidates, _ = _directions(targets.candidates)
    own = candidates[targets.places]
    logits = (unit / np.float32(temperature)) @ candidates.T
    highest = logits.max(axis=1)
    logits -= highest[:, None]
    positive = np.einsum("ij,ij->i", unit, own) / np.float32(temperature) - highest
    shares = np.exp(logits, out=logits)
    sums = shares.sum(axis=1)
    weights = targets.weights / np.float32(targets.total)
    d_unit = (shares @ candidates / sums[:, None] - own) * (weights / np.float32(temperature))[:, None]
    along = np.einsum("ij,ij->i", d_unit, unit)[:, None]
    gradient: Floats = (d_unit - along * unit) / length
    return gradient, float(((np.log(sums) - positive) * weights).sum())


def _directions(vectors: Floats) -> tuple[Floats, Floats]:
    """vectors (n, dims) at length 1, zeros as zeros, and their lengths (n, 1)."""
    lengths = np.maximum(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)), TINY)[:, None]
    return vectors / lengths, lengths
