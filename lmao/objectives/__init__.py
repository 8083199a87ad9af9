"""What pre-training predicts, and how far off it is.

A loss takes predictions (n, outputs) and their `Targets`; it returns its gradient by the prediction, and itself: the
weighted mean over the batch of what is trained on, and logged. Shares of a batch add up to the batch.
"""

from functools import partial

from lmao import config
from lmao.objectives.characters import characters
from lmao.objectives.contrastive import contrastive
from lmao.objectives.cosine import cosine
from lmao.objectives.document import document
from lmao.objectives.l2 import l2
from lmao.objectives.tasks import Loss
from lmao.objectives.trigram import trigram
from lmao.objectives.vmf import vmf


def open_loss(settings: config.AnyPart) -> Loss:
    match settings:
        case config.L2Objective():
            return l2
        case config.CosineObjective() | config.HeadObjective():
            return cosine
        case config.VmfObjective():
            return partial(vmf, length_penalty=settings.length_penalty, alignment=settings.alignment)
        case config.ContrastiveObjective():
            return partial(contrastive, temperature=settings.temperature)
        case config.TrigramObjective():
            return trigram
        case config.CharactersObjective():
            return characters
        case config.DocumentObjective():
            return partial(document, contrastive=settings.contrastive, temperature=settings.temperature)
