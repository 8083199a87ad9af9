"""The schema: what each key of conf/ may hold. The defaults, with their reasons, live in conf/ alone."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lmao.errors import UserError

Share = Annotated[float, Field(ge=0, le=1)]
DropoutRate = Annotated[float, Field(ge=0, le=0.99)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A part of the config: typed, closed to unknown keys, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(Section):
    language: str
    train_examples: Positive | None
    dev_examples: Positive | None
    pretrain_documents: Positive | None


class Docstrings(Data):
    name: Literal["docstrings"]
    packages: list[str] = Field(min_length=2)
    documents: Positive


class Imdb(Data):
    name: Literal["imdb"]
    path: str | None
    unsupervised: bool
    include_test_text: bool


class Files(Data):
    name: Literal["files"]
    path: str
    dev_path: str | None
    test_path: str | None
    unlabelled_path: str | None
    text_column: str
    label_column: str
    include_test_text: bool


class DocBins(Data):
    name: Literal["docbin"]
    path: str
    dev_path: str | None
    test_path: str | None
    unlabelled_path: str | None
    include_test_text: bool


AnyData = Annotated[Docstrings | Imdb | Files | DocBins, Field(discriminator="name")]


class Table(Section):
    normalize: bool


class FloretVectors(Table):
    name: Literal["floret"]
    mode: Literal["words", "floret"]
    dims: Positive
    epochs: Positive
    min_count: Positive
    window: Positive
    negatives: Positive
    minn: Count
    maxn: Count
    buckets: Positive
    hash_count: Annotated[int, Field(ge=1, le=4)]
    learn_rate: PositiveFloat
    threads: Positive

    @model_validator(mode="after")
    def _floret_mode_needs_subwords(self) -> "FloretVectors":
        if self.minn > self.maxn:
            raise ValueError(f"minn ({self.minn}) must not be above maxn ({self.maxn})")
        if self.mode == "floret" and self.minn < 2:
            raise ValueError("mode=floret stores subwords of 2 letters or more: set minn and maxn, 4 and 5 for example")
        return self


class DocumentVectors(Table):
    name: Literal["document"]
    dims: Positive
    epochs: Positive
    ngrams: Annotated[int, Field(ge=1, le=3)]
    min_count: Positive
    alpha: PositiveFloat
    negatives: Positive
    subsample: PositiveFloat
    learn_rate: PositiveFloat
    threads: Positive


class GloveVectors(Table):
    name: Literal["glove"]
    path: str
    dims: Positive


class Word2vecVectors(Table):
    name: Literal["word2vec"]
    path: str


class SpacyVectors(Table):
    name: Literal["spacy"]
    path: str


class NoVectors(Section):
    name: Literal["none"]


class SameVectors(Section):
    name: Literal["same"]


AnyTable = Annotated[
    FloretVectors | DocumentVectors | GloveVectors | Word2vecVectors | SpacyVectors | NoVectors | SameVectors,
    Field(discriminator="name"),
]


class Encoder(Section):
    width: Positive
    depth: Count
    window_size: Annotated[int, Field(ge=1, le=5)]
    maxout_pieces: Annotated[int, Field(ge=1, le=8)]
    embed_rows: Annotated[list[Positive], Field(min_length=4, max_length=4)]
    static_vectors: bool


class Head(Section):
    hidden_size: Count
    maxout_pieces: Annotated[int, Field(ge=1, le=8)]


class WordObjective(Head):
    center: bool
    whiten: bool
    sif: PositiveFloat | None


class L2Objective(WordObjective):
    name: Literal["l2"]


class CosineObjective(WordObjective):
    name: Literal["cosine"]


class VmfObjective(WordObjective):
    name: Literal["vmf"]
    length_penalty: NonNegativeFloat
    alignment: PositiveFloat


class ContrastiveObjective(WordObjective):
    name: Literal["contrastive"]
    temperature: PositiveFloat


class TrigramObjective(WordObjective):
    name: Literal["trigram"]


class HeadObjective(WordObjective):
    name: Literal["head"]
    parser: str | None


class CharactersObjective(Head):
    name: Literal["characters"]
    characters: Annotated[int, Field(ge=1, le=16)]


class DocumentObjective(Head):
    name: Literal["document"]
    predict: Literal["window", "document"]
    contrastive: NonNegativeFloat
    temperature: PositiveFloat


AnyPart = Annotated[
    L2Objective
    | CosineObjective
    | VmfObjective
    | ContrastiveObjective
    | TrigramObjective
    | HeadObjective
    | CharactersObjective
    | DocumentObjective,
    Field(discriminator="name"),
]


class SumObjective(Section):
    name: Literal["sum"]
    parts: dict[str, AnyPart] = Field(min_length=1)
    weights: dict[str, PositiveFloat]

    @model_validator(mode="after")
    def _a_weight_each(self) -> "SumObjective":
        if set(self.parts) != set(self.weights):
            raise ValueError(
                f"weights are of {', '.join(self.weights)}, parts are {', '.join(self.parts)}: give each part a weight"
            )
        return self


AnyObjective = Annotated[AnyPart | SumObjective, Field(discriminator="name")]


class Adam(Section):
    learn_rate: PositiveFloat
    beta1: Annotated[float, Field(ge=0, lt=1)]
    beta2: Annotated[float, Field(ge=0, lt=1)]
    eps: PositiveFloat
    L2: NonNegativeFloat
    grad_clip: NonNegativeFloat


class Pretrain(Adam):
    epochs: Count
    mask_rate: Share
    mask_symbol: Share
    random_word: Share
    span: Annotated[float, Field(ge=1, le=100)]
    vector_dropout: DropoutRate
    dropout: DropoutRate
    batch_words: Positive
    window_words: Annotated[int, Field(ge=8)]
    warmup_steps: Count
    schedule: Literal["constant", "inverse_sqrt"]
    heldout: Annotated[float, Field(gt=0, le=0.5)]
    epoch_words: Positive | None
    mode: Literal["pretrain", "interleave", "both"]
    mix: Share
    mix_end: Share | None
    mix_steps: Positive
    mixed_epochs: Positive
    seed: Count | None
    save_minutes: PositiveFloat

    @model_validator(mode="after")
    def _replacements_are_shares(self) -> "Pretrain":
        if self.mask_symbol + self.random_word > 1 + 1e-9:
            raise ValueError(
                f"mask_symbol + random_word is {self.mask_symbol + self.random_word:g}, more than 1: "
                "what is left over is the share of masked words that keep their form"
            )
        return self


class CnnTextcat(Section):
    name: Literal["cnn"]
    init: Literal["probe", "fresh"]
    epochs: Positive
    patience: Positive
    batch_size: Positive
    dropout: DropoutRate
    vector_dropout: DropoutRate
    early_stopping_examples: Positive


class LinearTextcat(Section):
    name: Literal["linear"]
    features: Literal["ngrams", "mean", "document"]
    ngrams: Annotated[int, Field(ge=1, le=5)]
    min_count: Positive
    smoothing: PositiveFloat
    C: PositiveFloat


AnyTextcat = Annotated[CnnTextcat | LinearTextcat, Field(discriminator="name")]


class Tracking(Section):
    keep_models: Literal["best", "all", "none"]


class MlflowTracking(Tracking):
    name: Literal["mlflow"]
    uri: str
    experiment: str
    study: str | None


class NoTracking(Tracking):
    name: Literal["off"]


NOT_SCIENCE = {"tracking", "cache_dir", "threads", "device", "evaluate_test"}

AnyTracking = Annotated[MlflowTracking | NoTracking, Field(discriminator="name")]


class Config(Section):
    """One run, whole."""

    data: AnyData
    vectors: AnyTable
    target: AnyTable
    encoder: Encoder
    objective: AnyObjective
    pretrain: Pretrain
    textcat: AnyTextcat
    optimizer: Adam
    tracking: AnyTracking
    seed: Count
    threads: Positive | None
    device: Literal["cpu", "gpu"]
    cache_dir: str
    evaluate_test: bool

    @model_validator(mode="after")
    def _objective_has_targets(self) -> "Config":
        if self.vectors.name == "same":
            raise ValueError("vectors=same makes sense for vectors.target alone")
        if self.needs_target and self.target_table.name == "none":
            raise ValueError(
                f"objective={self.objective.name} predicts vectors and there are none: choose vectors, "
                "or vectors.target, or set pretrain.epochs=0"
            )
        return self

    @model_validator(mode="after")
    def _words_are_masked(self) -> "Config":
        words = [name for name, (part, _) in self.parts.items() if not isinstance(part, DocumentObjective)]
        if self.pretrains and words and not self.pretrain.mask_rate:
            raise ValueError(
                f"pretrain.mask_rate=0 masks no word, and objective {words[0]} predicts masked words: raise it"
            )
        return self

    @model_validator(mode="after")
    def _both_has_a_first_part(self) -> "Config":
        if self.pretrain.mode == "both" and not self.pretrain.epochs:
            raise ValueError("pretrain.mode=both needs pretrain.epochs=1 or more; mode=interleave mixes from the start")
        return self

    @model_validator(mode="after")
    def _features_have_vectors(self) -> "Config":
        if (
            isinstance(self.textcat, LinearTextcat)
            and self.textcat.features != "ngrams"
            and self.vectors.name == "none"
        ):
            raise ValueError(
                f"textcat.features={self.textcat.features} is made of vectors and there are none: choose vectors"
            )
        return self

    @model_validator(mode="after")
    def _test_has_examples(self) -> "Config":
        if self.evaluate_test and isinstance(self.data, Files | DocBins) and self.data.test_path is None:
            raise ValueError("evaluate_test=true needs test examples: give data.test_path")
        return self

    def keys(self) -> dict[str, Any]:
        """Plain values, named as on the command line."""
        values = self.model_dump()
        values["vectors"]["target"] = values.pop("target")
        return values

    def science(self) -> dict[str, Any]:
        """The settings that decide what comes out: not where things are, nor how fast, nor what else is measured."""
        values = {name: value for name, value in self.keys().items() if name not in NOT_SCIENCE}
        for section in (values["data"], values["vectors"], values["vectors"]["target"]):
            for name in [name for name in section if name.endswith("path")]:
                del section[name]
        return values

    @property
    def tables(self) -> dict[str, AnyTable]:
        """The tables that the run reads or trains, by the names of their settings."""
        if isinstance(self.textcat, LinearTextcat):
            return {} if self.textcat.features == "ngrams" else {"vectors": self.vectors}
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
    def pretrains(self) -> bool:
        return self.textcat.name == "cnn" and self.pretrain.epochs > 0

    @property
    def needs_target(self) -> bool:
        """Whether pre-training predicts vectors of a table."""
        return self.pretrains and any(not isinstance(part, CharactersObjective) for part, _ in self.parts.values())

    @property
    def target_table(self) -> Any:
        """The table whose rows are predicted: `vectors.target`, or the input's own."""
        return self.vectors if self.target.name == "same" else self.target


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return found


# Which member of a union was tried stands in pydantic's paths, but not in a user's keys.
OPTIONS = {
    "docstrings", "imdb", "files", "docbin", "floret", "document", "glove", "word2vec", "spacy", "none", "same", "cnn",
    "linear", "mlflow", "off", "l2", "cosine", "vmf", "contrastive", "trigram", "head", "characters", "sum",
}  # fmt: skip


def validate(values: dict[str, Any]) -> Config:
    """A typed config from composed values (`vectors.target` becomes `target`).

    Raises:
        UserError: a key is unknown or a value out of its range; the line names each key.
    """
    values = {**values, "vectors": dict(values["vectors"])}
    values["target"] = values["vectors"].pop("target")
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise UserError("; ".join(_explain(detail) for detail in error.errors())) from None


def _explain(detail: Any) -> str:
    places = (1, 4) if detail["loc"][:1] == ("objective",) else (1,)  # objective.parts.<name>
    names = [str(part) for i, part in enumerate(detail["loc"]) if not (i in places and part in OPTIONS)]
    key = ".".join("vectors.target" if name == "target" and i == 0 else name for i, name in enumerate(names))
    if detail["type"] == "extra_forbidden":
        section, _, setting = key.rpartition(".")
        return f"{section or 'the config'} has no setting '{setting}'"
    message = detail["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if isinstance(detail["input"], (str, int, float, bool, type(None))):
        message += f", not {'null' if detail['input'] is None else detail['input']}"
    return f"{key}: {message}" if key else message
