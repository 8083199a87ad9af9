"""Multi-task learning: updates of the classifier, on the labelled texts, between those of pre-training."""

from lmao.config.pretrain import Pretrain
from lmao.config.textcat import EncoderTextcat
from lmao.data.splits import Examples
from lmao.encoder.dropout import Dropout
from lmao.engine.optimizer import Adam, learning_rate
from lmao.engine.parameters import Floats
from lmao.engine.team import Team
from lmao.streams import key, stream
from lmao.textcat.classifier import Classifier


class Mixing:
    """An update of pre-training is followed by one of the classifier with probability `pretrain.mix`, which moves to
    `pretrain.mix_end` within `pretrain.mix_steps` updates. All draws are functions of the number of updates done."""

    def __init__(
        self, settings: Pretrain, textcat: EncoderTextcat, classifier: Classifier,
        examples: Examples, seed: int,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._textcat = textcat
        self._classifier = classifier
        self._examples = examples
        self._seed = seed
        self.shapes = classifier.shapes

    def chance(self, updates: int) -> float:
        s = self._settings
        end = s.mix if s.mix_end is None else s.mix_end
        return s.mix + (end - s.mix) * min(1.0, updates / s.mix_steps)

    def is_due(self, updates: int) -> bool:
        return bool(stream(self._seed, "mix", updates).random() < self.chance(updates))

    def update(self, optimizer: Adam, team: Team, gradients: Floats) -> float:
        """One step on a batch of labelled texts; arrays that the classifier lacks don't change. Returns the loss."""
        textcat, weights, updates = self._textcat, optimizer.weights, optimizer.steps
        count = len(self._examples.documents)
        chosen = stream(self._seed, "mix examples", updates).permutation(count)[: textcat.batch_size]
        dropout = Dropout(textcat.dropout, textcat.vector_dropout, key(self._seed, "mix dropout", updates))
        numbers, labels = self._examples.documents[chosen], self._examples.labels[chosen]
        loss = self._classifier.learn_from(weights, numbers, labels, dropout, team, gradients)
        left_alone = [name for name in weights.shapes if name not in self.shapes]
        optimizer.step(gradients, learning_rate(self._settings, updates), team.executor, left_alone)
        return loss
