"""A text's pooled encoding predicts the text's vector: approximate outputs, one level up."""

from lmao.engine.parameters import Floats
from lmao.objectives.contrastive import contrastive as softmax_over_batch
from lmao.objectives.cosine import cosine
from lmao.objectives.targets import Targets


def document(prediction: Floats, targets: Targets, contrastive: float, temperature: float) -> tuple[Floats, float]:
    """Cosine distance of a text's prediction to the text's vector, with or without a softmax over the batch's texts.

        cosine(p, t) + contrastive * softmax(p, t)

    Source: ours. The vectors are best those of Thongtan & Phienthrakul 2019 (vectors=document), weighted as in Arora et
    al. 2017: see `lmao.vectors.texts`.
    Needs: one prediction a text, not a word, and `vectors` (texts, dims); `candidates` and `places` for the softmax.
    With `predict=document` the text is a window of a document, the vector that of all of it. No word need be masked.
    Relates to: `cosine` and `contrastive`, whose sum it is; objective=sum has it beside a loss of words.
    Example: python train.py objective=document
             python train.py objective=whole_document pretrain=document vectors=document
    """
    gradient, loss = cosine(prediction, targets)
    if contrastive:
        d_softmax, softmax_loss = softmax_over_batch(prediction, targets, temperature)
        gradient = gradient + contrastive * d_softmax
        loss += contrastive * softmax_loss
    return gradient, loss
