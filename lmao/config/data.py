"""conf/data: where texts and labels come from."""

from typing import Annotated, Literal

from pydantic import Field

from lmao.config.fields import Mark, Positive, Section


class Data(Section):
    """What every source of texts has: the language, and how many texts each part takes (None: all there are)."""

    language: str
    draw: Literal["stratified", "balanced", "shuffled"]
    train_examples: Positive | None
    dev_examples: Positive | None
    pretrain_documents: Positive | None


class Docstrings(Data):
    """data=docstrings: those of installed packages, which are the labels."""

    name: Literal["docstrings"]
    packages: list[str] = Field(min_length=2)
    documents: Positive


class Imdb(Data):
    """data=imdb: film reviews, downloaded where path is None."""

    name: Literal["imdb"]
    path: Annotated[str | None, Mark.NOT_SCIENCE]
    unsupervised: bool
    include_test_text: bool


class Files(Data):
    """data=files: one's own .csv, .tsv or .jsonl."""

    name: Literal["files"]
    path: Annotated[str, Mark.NOT_SCIENCE]
    dev_path: Annotated[str | None, Mark.NOT_SCIENCE]
    test_path: Annotated[str | None, Mark.NOT_SCIENCE]
    unlabelled_path: Annotated[str | None, Mark.NOT_SCIENCE]
    text_column: str
    label_column: str
    include_test_text: bool


class DocBins(Data):
    """data=docbin: one's own .spacy files."""

    name: Literal["docbin"]
    path: Annotated[str, Mark.NOT_SCIENCE]
    dev_path: Annotated[str | None, Mark.NOT_SCIENCE]
    test_path: Annotated[str | None, Mark.NOT_SCIENCE]
    unlabelled_path: Annotated[str | None, Mark.NOT_SCIENCE]
    include_test_text: bool


AnyData = Annotated[Docstrings | Imdb | Files | DocBins, Field(discriminator="name")]
