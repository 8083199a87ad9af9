"""The output layer of a task: encoded words or texts come in, predictions go out."""

from collections.abc import Mapping
from typing import Any

from lmao.config.objective import OutputSettings
from lmao.engine.layers import Backprop, Workspace, linear, maxout_norm, maxout_shapes
from lmao.engine.parameters import Floats, Parameters


class OutputLayer:
    """Maxout + layer norm + linear, or linear alone where hidden_size is 0; thrown away after pre-training."""

    def __init__(self, part: str, settings: OutputSettings, width: int, outputs: int) -> None:
        """part: the name of its part of the objective."""
        self._part = part
        self._name = f"head.{part}"
        self._settings = settings
        self._width = width
        self._outputs = outputs

    @classmethod
    def of(cls, record: Mapping[str, Any], width: int) -> "OutputLayer":
        """The layer that has this record, on an encoder of that width."""
        return cls(record["part"], OutputSettings.model_validate(record["head"]), width, record["outputs"])

    def record(self) -> dict[str, Any]:
        """Plain values, from which `of` makes it again."""
        head = self._settings.model_dump(include=set(OutputSettings.model_fields))
        return {"part": self._part, "head": head, "outputs": self._outputs}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        s = self._settings
        hidden = maxout_shapes(self._name, s.hidden_size, s.maxout_pieces, self._width) if s.hidden_size else {}
        return {
            **hidden,
            f"{self._name}.output.W": (self._outputs, s.hidden_size or self._width),
            f"{self._name}.output.b": (self._outputs,),
        }

    def linear_map(self, weights: Parameters) -> tuple[Floats, Floats] | None:
        """W (outputs, width) and b (outputs,), if the layer is linear alone; else None."""
        if self._settings.hidden_size:
            return None
        return weights[f"{self._name}.output.W"], weights[f"{self._name}.output.b"]

    def __call__(self, weights: Parameters, X: Floats, space: Workspace) -> tuple[Floats, Backprop]:
        """Encoded words or texts (n, width) to predictions (n, outputs)."""
        if not self._settings.hidden_size:
            return linear(weights, f"{self._name}.output", X, space)
        hidden, backprop_hidden = maxout_norm(weights, self._name, X, space)
        prediction, backprop_output = linear(weights, f"{self._name}.output", hidden, space)

        def backprop(d_prediction: Floats, gradients: Parameters) -> Floats:
            return backprop_hidden(backprop_output(d_prediction, gradients), gradients)

        return prediction, backprop
