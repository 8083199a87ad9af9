"""The linear probe: features of texts and few labels in, a softmax layer out, its strength chosen on those labels."""

from dataclasses import dataclass, replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from lmao.engine.parameters import Floats
from lmao.textcat.folds import Cuts, Doubles, HeldOut, Labels
from lmao.textcat.strength import Strength, choose_strength, regression

UNSEEN = np.float32(10)  # how far a class without examples stays below the lowest score there is, in logits


@dataclass(frozen=True)
class Scaling:
    """mean (dims,) is taken from features, and they are divided by one scale, the root of their mean variance."""

    mean: Doubles
    scale: float

    @classmethod
    def of(cls, features: Floats) -> "Scaling":
        mean = features.mean(axis=0, dtype=np.float64)
        return cls(mean, float(np.sqrt(((features - mean) ** 2).mean())) or 1.0)

    def __call__(self, features: Floats) -> Doubles:
        scaled: Doubles = (features - self.mean) / self.scale
        return scaled


@dataclass(frozen=True)
class Probe:
    """softmax(features @ W.T + b) are the probabilities: W (classes, dims), b (classes,)."""

    W: Floats
    b: Floats
    strength: Strength

    @property
    def C(self) -> float:
        """The inverse strength of the penalty on centred features of unit scale."""
        return self.strength.C

    @property
    def held_out(self) -> HeldOut:
        return self.strength.held_out

    @property
    def accuracy(self) -> float:
        """The cross-validated one."""
        return self.held_out.accuracy

    @property
    def warning(self) -> str | None:
        """What the user should know, if anything."""
        if not self.strength.at_end:
            return None
        return (
            f"the best C, {self.C:.2g}, is at the end of what is tried: these features say nothing of the labels, "
            "or the labels are too few to tell"
        )

    def behind(self, W: Floats, b: Floats) -> "Probe":
        """The same probabilities from what W (dims, inputs) and b (dims,) make this one's features of."""
        return replace(self, W=self.W @ W, b=self.b + self.W @ b)

    def calibrated(self) -> "Probe":
        """After the temperature that its held-out answers ask for: W and b divided by it."""
        held_out = self.held_out
        strength = replace(self.strength, held_out=held_out.calibrated())
        return replace(self, W=self.W * held_out.sharpness, b=self.b * held_out.sharpness, strength=strength)

    def predict(self, features: Floats) -> Floats:
        """Probabilities (n, classes) for features (n, dims)."""
        scores: Floats = features @ self.W.T + self.b
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores


def fit_probe(features: Floats, labels: Labels, classes: int, cuts: Cuts) -> Probe:
    """L2-regularised multinomial logistic regression on features (n, dims) and labels (n,), 0 <= label < classes.

    C is chosen by cross-validation on the cuts, see `choose_strength`. The features are scaled, see `Scaling`, and W
    and b contain that. A class without examples scores lowest.
    """
    scaling = Scaling.of(features)
    scaled = scaling(features)
    strength = choose_strength(scaled, labels, classes, cuts)
    fitted = regression(strength.C).fit(scaled, labels)
    return Probe(*softmax_layer(fitted, scaling, scaled, classes), strength)


def refit(probe: Probe, features: Floats, labels: Labels) -> Probe:
    """The same strength, learned from other features and labels."""
    scaling = Scaling.of(features)
    scaled = scaling(features)
    fitted = regression(probe.C).fit(scaled, labels)
    W, b = softmax_layer(fitted, scaling, scaled, len(probe.b))
    return replace(probe, W=W, b=b)


def softmax_layer(fitted: LogisticRegression, scaling: Scaling, scaled: Doubles, classes: int) -> tuple[Floats, Floats]:
    """W (classes, dims) and b (classes,) for features as they are, of a regression on scaled ones (n, dims)."""
    coefficients, intercepts = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:  # one row, for the second against the first
        coefficients = np.concatenate([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    W, b = np.zeros((classes, scaled.shape[1]), np.float32), np.zeros(classes, np.float32)
    W[fitted.classes_] = coefficients / scaling.scale
    b[fitted.classes_] = intercepts - coefficients @ scaling.mean / scaling.scale
    unseen = np.setdiff1d(np.arange(classes), fitted.classes_)
    if len(unseen):
        b[unseen] = (scaled @ coefficients.T + intercepts).min() - UNSEEN
    return W, b
