"""The output layer of a task: encoded words or texts come in, predictions go out."""

from lmao.config.objective import Head
from lmao.engine.layers import Backprop, Workspace, linear, maxout_norm, maxout_shapes
from lmao.engine.parameters import Floats, Parameters


class OutputHead:
    """Maxout + layer norm + linear, or linear alone where hidden_size is 0; thrown away after pre-training."""

    def __init__(self, name: str, settings: Head, width: int, outputs: int) -> None:
        self._name = f"head.{name}"
        self._settings = settings
        self._width = width
        self._outputs = outputs

    def shapes(self) -> dict[str, tuple[int, ...]]:
        s = self._settings
        hidden = maxout_shapes(self._name, s.hidden_size, s.maxout_pieces, self._width) if s.hidden_size else {}
        return {
            **hidden,
            f"{self._name}.output.W": (self._outputs, s.hidden_size or self._width),
            f"{self._name}.output.b": (self._outputs,),
        }

    def __call__(self, weights: Parameters, X: Floats, space: Workspace) -> tuple[Floats, Backprop]:
        """Encoded words or texts (n, width) to predictions (n, outputs)."""
        if not self._settings.hidden_size:
            return linear(weights, f"{self._name}.output", X, space)
        hidden, backprop_hidden = maxout_norm(weights, self._name, X, space)
        prediction, backprop_output = linear(weights, f"{self._name}.output", hidden, space)

        def backprop(d_prediction: Floats, gradients: Parameters) -> Floats:
            return backprop_hidden(backprop_output(d_prediction, gradients), gradients)

        return prediction, backprop
