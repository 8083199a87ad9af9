"""One run's settings, whole, and what has to fit together across groups."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import model_validator

from lmao.config.data import AnyData, Memory, Parted
from lmao.config.encoder import AnyEncoder
from lmao.config.fields import Count, Mark, Positive, Section
from lmao.config.objective import AnyObjective, AnyPart, SumObjective
from lmao.config.optimizer import AdamOptimizer
from lmao.config.pretrain import Pretrain
from lmao.config.textcat import AnyTextcat, AutoTextcat, EncoderTextcat, LinearTextcat
from lmao.config.tracking import AnyTracking
from lmao.config.vectors import AnyTable


class Config(Section):
    """One run's settings, whole."""

    data: AnyData
    vectors: AnyTable
    target: AnyTable
    encoder: AnyEncoder
    objective: AnyObjective
    pretrain: Pretrain
    textcat: AnyTextcat
    optimizer: AdamOptimizer
    tracking: Annotated[AnyTracking, Mark.NOT_SCIENCE]
    seed: Count
    threads: Annotated[Positive | None, Mark.NOT_SCIENCE]
    device: Annotated[Literal["cpu", "gpu"], Mark.NOT_SCIENCE]
    cache_dir: Annotated[str, Mark.NOT_SCIENCE]
    evaluate_test: Annotated[bool, Mark.NOT_SCIENCE]

    @model_validator(mode="after")
    def _objective_has_targets(self) -> "Config":
        if self.vectors.name == "same":
            raise ValueError("vectors=same makes sense for vectors.target alone")
        if self.needs_target and self.target_table.name == "none":
            raise ValueError(
                "the objective predicts vectors, and there are none: choose vectors, "
                "or vectors.target, or set pretrain.epochs=0"
            )
        return self

    @model_validator(mode="after")
    def _words_are_masked(self) -> "Config":
        words = self.word_parts
        if self.pretrains and words and not self.pretrain.mask_rate:
            raise ValueError(
                f"pretrain.mask_rate=0 masks no word, and objective {words[0]} predicts masked words: "
                "choose pretrain=lmao, or raise it"
            )
        return self

    @model_validator(mode="after")
    def _without_labels_there_is_only_pretraining(self) -> "Config":
        data = self.data
        if data.labelled or not isinstance(data, Parted):
            return self
        if data.unlabelled_path is None:
            raise ValueError(
                f"data.path has no value: data={data.name} needs one, give data.path=…, "
                "or data.unlabelled_path=… alone to pre-train and nothing else"
            )
        if data.dev_path is not None or data.test_path is not None:
            raise ValueError("data.dev_path and data.test_path go with data.path, which has no value: give data.path=…")
        if not self.pretrains or self.pretrain.mode != "pretrain":
            raise ValueError(
                "without data.path there is pre-training and nothing else: set pretrain.epochs=1 or more, "
                "pretrain.mode=pretrain, and textcat=auto or cnn"
            )
        return self

    @model_validator(mode="after")
    def _a_start_is_gone_on_from(self) -> "Config":
        if self.pretrain.from_ is not None and not self.pretrains:
            raise ValueError(
                "pretrain.from is where pre-training starts, and there is none: "
                "set pretrain.epochs=1 or more, and textcat=auto or cnn"
            )
        return self

    @model_validator(mode="after")
    def _both_has_a_first_part(self) -> "Config":
        if self.pretrain.mode == "both" and self.pretrain.epochs == 0:
            raise ValueError("pretrain.mode=both needs pretrain.epochs=1 or more; mode=interleave mixes from the start")
        return self

    @model_validator(mode="after")
    def _labels_that_choose_are_not_learned_before(self) -> "Config":
        if isinstance(self.textcat, AutoTextcat) and self.pretrains and self.pretrain.mode != "pretrain":
            raise ValueError(
                f"pretrain.mode={self.pretrain.mode} learns the training labels, by which textcat=auto chooses: "
                "set textcat=cnn"
            )
        return self

    @model_validator(mode="after")
    def _features_have_vectors(self) -> "Config":
        if isinstance(self.textcat, LinearTextcat) and self.textcat.reads_vectors and self.vectors.name == "none":
            raise ValueError(
                f"textcat.features={self.textcat.features} is made of vectors and there are none: choose vectors"
            )
        return self

    @model_validator(mode="after")
    def _fresh_has_judges(self) -> "Config":
        if isinstance(self.data, Memory) and isinstance(self.textcat, EncoderTextcat) and self.textcat.init == "fresh":
            raise ValueError("textcat.init=fresh is stopped by development examples, and data=memory has none")
        return self

    @model_validator(mode="after")
    def _test_has_examples(self) -> "Config":
        if self.evaluate_test and not self.data.has_test:
            raise ValueError("evaluate_test=true needs test examples: give data.test_path")
        return self

    def keys(self) -> dict[str, Any]:
        """Plain values, named as on the command line."""
        return _as_typed(self.model_dump(by_alias=True))

    def science(self) -> dict[str, Any]:
        """The settings that decide what comes out: not where things are, nor how fast, nor what else is measured."""
        return _as_typed(self.without(Mark.NOT_SCIENCE))

    @property
    def tables(self) -> dict[str, AnyTable]:
        """The tables that the run reads or trains, by the names of their settings."""
        if isinstance(self.textcat, LinearTextcat):
            return {"vectors": self.vectors} if self.textcat.reads_vectors else {}
        return {"vectors": self.vectors, "vectors.target": self.target}

    @property
    def pretrain_seed(self) -> int:
        return self.seed if self.pretrain.seed is None else self.pretrain.seed

    @property
    def parts(self) -> dict[str, tuple[AnyPart, float]]:
        """The objective's parts and their weights, by name."""
        if isinstance(self.objective, SumObjective):
            return {name: (part, self.objective.weights[name]) for name, part in self.objective.parts.items()}
        return {self.objective.name: (self.objective, 1.0)}

    @property
    def word_parts(self) -> list[str]:
        """The names of those that predict from masked words."""
        return [name for name, (part, _) in self.parts.items() if part.of_words]

    @property
    def has_text_parts(self) -> bool:
        return len(self.word_parts) < len(self.parts)

    @property
    def pretrains(self) -> bool:
        return not isinstance(self.textcat, LinearTextcat) and self.pretrain.epochs != 0

    @property
    def needs_target(self) -> bool:
        """Whether pre-training predicts vectors of a table."""
        return self.pretrains and any(part.of_vectors for part, _ in self.parts.values())

    @property
    def target_table(self) -> Any:
        """The table whose rows are predicted: `vectors.target`, or the input's own."""
        return self.vectors if self.target.name == "same" else self.target


def _as_typed(values: dict[str, Any]) -> dict[str, Any]:
    """The table that is predicted where the command line has it."""
    values["vectors"]["target"] = values.pop("target")
    return values


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return found
