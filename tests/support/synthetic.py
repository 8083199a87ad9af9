"""Studies as the sweeper leaves them, filled through Optuna's own calls, with the files of their runs."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, distribution_to_json
from optuna.trial import FrozenTrial, TrialState

SPACE: Mapping[str, BaseDistribution] = {
    "optimizer.learn_rate": FloatDistribution(1e-4, 1e-1, log=True),
    "textcat.dropout": FloatDistribution(0.0, 0.5),
    "textcat.batch_size": CategoricalDistribution([4, 8, 16, 32]),
}


class StudyMaker:
    """One study in a database, and a folder a run below `folder`."""

    def __init__(
        self,
        storage: str,
        name: str,
        folder: Path,
        *,
        science: Mapping[str, Any],
        sampler: str = "random",
        n_trials: int | None = 8,
        space: Mapping[str, BaseDistribution] = SPACE,
        **attributes: Any,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
        self.folder = folder / name
        self._space = dict(space)
        self._rng = np.random.default_rng(len(name))
        values = {
            "science": {"data.name": "imdb", "textcat.name": "cnn", **science},
            "overrides": ["data=imdb"],
            "sampler": sampler,
            "n_trials": n_trials,
            "commit": "0123abc",
            "space": {key: distribution_to_json(distribution) for key, distribution in space.items()},
            **attributes,
        }
        for key, value in values.items():
            self.study.set_user_attr(key, value)

    def begin(self, **attributes: Any) -> FrozenTrial:
        """A trial that is left RUNNING."""
        return self._add(TrialState.RUNNING, attributes)

    def complete(self, accuracy: float, parameters: Mapping[str, Any] | None = None, **attributes: Any) -> FrozenTrial:
        return self._add(TrialState.COMPLETE, attributes, parameters, accuracy)

    def prune(self, reported: Sequence[float]) -> FrozenTrial:
        return self._add(TrialState.PRUNED, {"epochs": len(reported)}, reported=reported)

    def fail(self, error: str = "loss is not finite") -> FrozenTrial:
        return self._add(TrialState.FAIL, {"error": error})

    def _add(
        self,
        state: TrialState,
        attributes: Mapping[str, Any],
        parameters: Mapping[str, Any] | None = None,
        value: float | None = None,
        reported: Sequence[float] = (),
    ) -> FrozenTrial:
        number = len(self.study.get_trials(deepcopy=False))
        timed = {"seconds": 60.0} if state is TrialState.COMPLETE else {}  # the others don't come to tell
        trial = optuna.trial.create_trial(
            state=state,
            value=value,
            params=dict(parameters or {name: self._draw(found) for name, found in self._space.items()}),
            distributions=self._space,
            user_attrs={"seed": number, "host": "here", "epochs": 5, **timed, **attributes},
            intermediate_values=dict(enumerate(reported, start=1)),
        )
        self.study.add_trial(trial)
        return self.study.get_trials(deepcopy=False)[number]

    def _draw(self, distribution: BaseDistribution) -> Any:
        if isinstance(distribution, CategoricalDistribution):
            return distribution.choices[self._rng.integers(len(distribution.choices))]
        assert isinstance(distribution, FloatDistribution)
        if distribution.log:
            return float(np.exp(self._rng.uniform(np.log(distribution.low), np.log(distribution.high))))
        return float(self._rng.uniform(distribution.low, distribution.high))

    def judge(
        self, dev: np.ndarray, test: np.ndarray | None, dev_documents: np.ndarray | None = None, **attributes: Any
    ) -> FrozenTrial:
        """A complete trial with its files; `dev`, `test`: (n,) which examples it got right."""
        folder = self.folder / str(len(self.study.get_trials(deepcopy=False)))
        folder.mkdir(parents=True)
        documents = np.arange(len(dev)) if dev_documents is None else dev_documents
        arrays = _predictions("dev", dev, documents)
        if test is not None:
            arrays |= _predictions("test", test, 100_000 + np.arange(len(test)))
        np.savez_compressed(folder / "predictions.npz", allow_pickle=False, **arrays)
        accuracy = float(dev.mean())
        result = {
            "dev_accuracy": accuracy,
            "labels": ["neg", "pos"],
            "parameters": 1_735_416,
            "model_mb": 7.1,
            "pretrain": {"words_per_second": 41_000.0, "seconds": 30.0},
            "seconds": {"encode": 2.0, "pretrain": 30.0, "textcat": 28.0},
            "threads": 1,
        }
        (folder / "result.json").write_text(json.dumps(result))
        return self.complete(accuracy, folder=str(folder), **attributes)


def _predictions(part: str, correct: np.ndarray, documents: np.ndarray) -> dict[str, np.ndarray]:
    labels = documents % 2
    predicted = np.where(correct, labels, 1 - labels)
    scores = np.eye(2, dtype=np.float32)[predicted]
    return {f"{part}_scores": scores, f"{part}_labels": labels, f"{part}_documents": documents}


def right(rng: np.random.Generator, accuracy: float, examples: int) -> np.ndarray:
    return rng.random(examples) < accuracy
