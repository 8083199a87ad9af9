"""conf/data: where texts and labels come from."""

from typing import Annotated, Literal

from pydantic import Field

from lmao.config.fields import Positive, Section


class Data(Section):
    language: str
    draw: Literal["stratified", "balanced", "shuffled"]
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
