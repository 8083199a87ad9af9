"""What pre-training predicts, and how far off it is.

A loss takes predictions (n, outputs) and their `Targets`; it returns its gradient with respect to the predictions, and
its value: the weighted mean over the batch that is trained on and logged. The shares of a batch add up to the batch.

In each one's docstring p is a prediction, t its target, w its weight (`objective.sif`, else 1), W the batch's sum of w.
"""

from functools import partial

from lmao.config.objective import (
    AnyPart,
    CharactersObjective,
    ContrastiveObjective,
    CosineObjective,
    DocumentObjective,
    HeadObjective,
    L2Objective,
    TrigramObjective,
    VmfObjective,
)
from lmao.objectives.characters import characters
from lmao.objectives.contrastive import contrastive
from lmao.objectives.cosine import cosine
from lmao.objectives.document import document
from lmao.objectives.l2 import l2
from lmao.objectives.tasks import Loss
from lmao.objectives.trigram import trigram
from lmao.objectives.vmf import vmf


def open_loss(settings: AnyPart) -> Loss:
    match settings:
        case L2Objective():
            return l2
        case CosineObjective() | HeadObjective():
            return cosine
        case VmfObjective():
            return partial(vmf, length_penalty=settings.length_penalty, alignment=settings.alignment)
        case ContrastiveObjective():
            return partial(contrastive, temperature=settings.temperature)
        case TrigramObjective():
            return trigram
        case CharactersObjective():
            return characters
        case DocumentObjective():
            return partial(document, contrastive=settings.contrastive, temperature=settings.temperature)
