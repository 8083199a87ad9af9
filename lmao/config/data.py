"""conf/data: where texts and labels come from."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from lmao.config.fields import Mark, Positive, Section

Column = Annotated[str, Field(coerce_numbers_to_str=True)]  # its name, or its number


class Data(Section):
    """What every source of texts has: the language, and how many texts each part takes (None: all there are)."""

    has_heads: ClassVar[bool] = False  # whether its documents may come with their syntactic heads
    language: str
    draw: Literal["stratified", "balanced", "shuffled"]
    train_examples: Positive | None
    dev_examples: Positive | None
    pretrain_documents: Positive | None

    @property
    def labelled(self) -> bool:
        """Whether there are labels to train on."""
        return True

    @property
    def has_test(self) -> bool:
        """Whether there are test documents."""
        return True

    @property
    def pretrains_on_test(self) -> bool:
        """Whether the test documents' texts, never their labels, are pre-trained on."""
        return False


class WithTest(Data):
    """A source whose test texts can be pre-trained on."""

    include_test_text: bool

    @property
    def pretrains_on_test(self) -> bool:
        return self.include_test_text


class Parted(WithTest):
    """A source whose parts are files of their own."""

    path: Annotated[str | None, Mark.NOT_SCIENCE]
    dev_path: Annotated[str | None, Mark.NOT_SCIENCE]
    test_path: Annotated[str | None, Mark.NOT_SCIENCE]
    unlabelled_path: Annotated[str | None, Mark.NOT_SCIENCE]

    @property
    def labelled(self) -> bool:
        return self.path is not None

    @property
    def has_test(self) -> bool:
        return self.test_path is not None


class Docstrings(Data):
    """data=docstrings: those of installed packages, which are the labels."""

    name: Literal["docstrings"]
    packages: list[str] = Field(min_length=2)
    documents: Positive


class Imdb(WithTest):
    """data=imdb: film reviews, downloaded where path is None."""

    name: Literal["imdb"]
    path: Annotated[str | None, Mark.NOT_SCIENCE]
    unsupervised: bool


class Files(Parted):
    """data=files: one's own texts. None: as the file is."""

    name: Literal["files"]
    text_column: Column
    label_column: Column
    delimiter: Literal["comma", "semicolon", "tab", "pipe"] | None
    quotes: bool | None
    header: bool | None

    @model_validator(mode="after")
    def _columns_differ(self) -> "Files":
        if self.text_column == self.label_column:
            raise ValueError(f"text_column and label_column are both '{self.text_column}'")
        return self


class DocBins(Parted):
    """data=docbin: one's own .spacy files."""

    has_heads = True
    name: Literal["docbin"]


class Memory(Data):
    """data=memory: texts and labels that a program hands over. Nothing is held back: whoever has them judges."""

    name: Literal["memory"]
    dev_examples: Literal[0]

    @property
    def has_test(self) -> bool:
        return False


AnyData = Annotated[Docstrings | Imdb | Files | DocBins | Memory, Field(discriminator="name")]
