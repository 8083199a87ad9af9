"""A text's pooled encoding predicts the text's vector: approximate outputs, one level up. With `predict=document` the
text is a window of a document, and the vector that of all of it.

The loss is the cosine distance plus `contrastive` times the softmax over the batch's texts (see `contrastive`).
"""

from lmao.engine.parameters import Floats
from lmao.objectives.contrastive import contrastive as softmax_over_batch
from lmao.objectives.cosine import cosine
from lmao.objectives.targets import Targets


def document(prediction: Floats, targets: Targets, contrastive: float, temperature: float) -> tuple[Floats, float]:
    """See `losses`."""
    gradient, loss = cosine(prediction, targets)
    if contrastive:
        d_softmax, softmax_loss = softmax_over_batch(prediction, targets, temperature)
        gradient = gradient + contrastive * d_softmax
        loss += contrastive * softmax_loss
    return gradient, loss
