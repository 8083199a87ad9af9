"""What the sections of the config are made of: a closed section, marks on settings, and the ranges of numbers."""

from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
DropoutRate = Annotated[float, Field(ge=0, le=0.99)]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]

T = TypeVar("T")


def settled(value: T | None) -> T:
    """A setting that may be left to the corpus, where the corpus has decided: see `lmao.run.scale`."""
    assert value is not None, "the setting is read before the corpus has decided it"
    return value


class Mark(Enum):
    """What the keys of caches and studies ask of a setting. It stands beside its type, `Annotated[str, Mark.…]`; a
    setting without a mark is part of every key, so that a new one can't be forgotten."""

    NOT_SCIENCE = "where things are, how fast, what else is measured: what comes out doesn't depend on it"
    MIXED = "updates depend on it where those of a classifier are mixed with those of pre-training"
    APART = "pre-training's key leaves it out, or has it in another way"


class Section(BaseModel):
    """A part of the config: typed, closed to unknown keys, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def marked(cls, *marks: Mark) -> set[str]:
        """The names of the settings that have one of these marks."""
        return {name for name, field in cls.model_fields.items() if any(mark in field.metadata for mark in marks)}

    def only(self, mark: Mark) -> dict[str, Any]:
        """Plain values of the settings with this mark."""
        return self.model_dump(include=self.marked(mark))

    def without(self, *marks: Mark) -> dict[str, Any]:
        """Plain values of the settings without these marks, in sections within this one too."""
        values = self.model_dump(exclude=self.marked(*marks))
        inner = {name: getattr(self, name) for name in values}
        return values | {name: one.without(*marks) for name, one in inner.items() if isinstance(one, Section)}


def options(union: Any) -> Iterator[tuple[str, type[Section]]]:
    """The sections in a group's union, by the names of their files in conf/."""
    if isinstance(union, type) and issubclass(union, Section) and "name" in union.model_fields:
        yield from ((name, union) for name in get_args(union.model_fields["name"].annotation))
    for member in get_args(union):
        yield from options(member)
