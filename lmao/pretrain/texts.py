"""The texts of a pre-training: a selection of a corpus comes in, batches with masked words go out."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lmao.config.fields import settled
from lmao.config.pretrain import Pretrain
from lmao.corpus.batches import Segments, batches, lay_out, windows
from lmao.corpus.selection import Selection
from lmao.errors import UserError
from lmao.objectives.masking import Masking
from lmao.objectives.tasks import Batch
from lmao.streams import stream

HELDOUT_DOCUMENTS = 500  # enough for two digits, and never a large part of an epoch's time
# The same wherever words are masked, or the settings that make the task easiest would look best.
HELDOUT_MASKING = {"mask_rate": 0.15, "mask_symbol": 1.0, "random_word": 0.0, "span": 1.0}
NO_MASKING = {"mask_rate": 0.0}


class PretrainTexts:
    """Windows of texts, some of which are held out. All draws are functions of the seed and the place.

    predictable (types,) bool: the types that may be masked; gap: rows between two texts of a batch.

    Raises:
        UserError: there are too few texts, or no word of them has a vector.
    """

    def __init__(
        self, settings: Pretrain, selection: Selection, predictable: NDArray[np.bool_], gap: int, seed: int
    ) -> None:
        self.seed = seed
        self._settings = settings
        self._corpus = selection.corpus
        self._gap = gap
        mixed = stream(seed, "heldout").permutation(selection.documents)
        count = min(HELDOUT_DOCUMENTS, max(1, round(len(mixed) * settings.heldout)))
        longest = settled(settings.window_words)
        self._heldout = windows(self._corpus, mixed[:count], longest)
        self._windows = windows(self._corpus, np.sort(mixed[count:]), longest)
        if not len(self._windows):
            raise UserError("too few texts to pre-train on: raise data.pretrain_documents, or set pretrain.epochs=0")
        if not (selection.counts * predictable).any():
            raise UserError("no word of the texts has a vector to predict: choose other vectors, or vectors.target")
        self._masking = Masking(settings, selection.counts, predictable)
        heldout = settings.model_copy(update=HELDOUT_MASKING if settings.mask_rate else NO_MASKING)
        self._heldout_masking = Masking(heldout, selection.counts, predictable)

    def steps(self, epoch: int) -> list[Segments]:
        """An epoch's texts in its order, a batch a step."""
        mixed = stream(self.seed, "pretrain order", epoch).permutation(len(self._windows))
        if self._settings.epoch_words is not None:
            before = np.cumsum(self._windows.lengths[mixed]) - self._windows.lengths[mixed]
            mixed = mixed[before < self._settings.epoch_words]
        return self._cut(self._windows[mixed])

    def batch(self, texts: Segments, epoch: int, step: int) -> Batch:
        """The batch of some texts, masked as in this step of this epoch."""
        return self._batch(texts, self._masking, stream(self.seed, "pretrain mask", epoch, step))

    def heldout(self) -> Iterator[Batch]:
        """The batches to measure on: the same words are masked each time."""
        for number, texts in enumerate(self._cut(self._heldout)):
            yield self._batch(texts, self._heldout_masking, stream(self.seed, "heldout mask", number))

    def _cut(self, texts: Segments) -> list[Segments]:
        return [texts[which] for which in batches(texts.lengths, self._settings.batch_words)]

    def _batch(self, texts: Segments, masking: Masking, generator: np.random.Generator) -> Batch:
        whole = lay_out(self._corpus, texts, self._gap)
        return Batch(self._corpus, texts, masking(whole, generator), whole.ids)
