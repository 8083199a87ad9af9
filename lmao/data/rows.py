"""A row, of a table or of JSON, becomes a record: a text and one label, as people and annotation tools write them.

| written by | text | label |
|---|---|---|
| people | `text` | `label`: a string, a whole number, or a list with one of them; or the best of `cats` |
| Prodigy | `text` | `label`, or the `accept` of a choice; `answer` says whether it is right |
| Label Studio | in `data` | the choice in `annotations` |
| the same, flat | `text` | the column that is left; CSV and JSON-MIN |
| doccano | `text` or `data` | `label` or `labels`, as above |
"""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from enum import Enum
from typing import Any

from lmao.console import shortened
from lmao.data.labels import best_category
from lmao.data.record import Answer, Reading, Record
from lmao.errors import UserError

Row = Mapping[str, Any]

FLAT = {"annotation_id", "lead_time"}  # in each row of Label Studio's CSV and JSON-MIN
LABEL_STUDIO = FLAT | {"id", "annotator", "created_at", "updated_at"}
# What a row is known by and read from, beside the two columns of the settings.
KEYS = LABEL_STUDIO | {"data", "labels", "cats", "answer", "_task_hash", "accept", "annotations"}


class Tool(Enum):
    """What wrote a row."""

    NONE = ""
    PRODIGY = "Prodigy's "
    TASKS = "Label Studio's "
    FLAT = "Label Studio's flat "
    DOCCANO = "doccano's "


def record(place: str, row: Row, reading: Reading, labelled: bool, form: str) -> Record:
    """The record of a row. form: that of its file, for the line `data`.

    Labels may be open: people are at work on them.

    Raises:
        UserError: there is no text, or, if it is labelled, more than one label.
    """
    tool = _tool(row, reading)
    form = tool.value + form
    answer = _answer(tool, row) if labelled else Answer.ACCEPT
    if answer is Answer.IGNORE:
        return Record(place, "", None, answer=answer, form=form)
    text = _text(place, tool, row, reading)
    if not labelled or not text:
        return Record(place, text, None, form=form)
    label = single(place, *_label(place, tool, row, reading))
    return Record(place, text, label, answer=answer, form=form)


def single(place: str, column: str, value: Any) -> str | None:
    """The label that a value is, or holds as the only one of a list.

    Raises:
        UserError: it holds several, or is of another type.
    """
    if isinstance(value, Mapping) and isinstance(value.get("choices"), list):  # Label Studio's
        value = value["choices"]
    if isinstance(value, list):
        if len(value) > 1:
            listed = ", ".join(f"'{label}'" for label in value[:3]) + ", …" * (len(value) > 3)
            raise UserError(
                f"{place}: {len(value)} labels ({listed})", advice="give each text one: that is what is learned"
            )
        value = value[0] if value else None
    if isinstance(value, float) and (math.isnan(value) or value.is_integer()):  # pandas' whole numbers with gaps
        value = None if math.isnan(value) else int(value)
    if isinstance(value, int):
        return json.dumps(value)
    if value is not None and not isinstance(value, str):
        raise UserError(f"{place}: '{column}' is {shortened(repr(value), 30)}: it must be a string or a whole number")
    return encodable(place, value.strip()) or None if value else None


def clean(place: str, text: Any, column: str = "text") -> str:
    """The text without the white space around it. JSON's null is an empty one: that is how tables without it are saved.

    Raises:
        UserError: it is none.
    """
    if text is None:
        return ""
    if not isinstance(text, str):
        raise UserError(f"{place}: '{column}' is not a text, but {shortened(repr(text), 30)}")
    return encodable(place, text.strip())


def encodable(place: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"{place}: has half a character (a lone surrogate, \\ud800 to \\udfff)") from None
    return text


def _tool(row: Row, reading: Reading) -> Tool:
    if isinstance(row.get("annotations"), list) and isinstance(row.get("data"), dict):
        return Tool.TASKS
    if row.keys() >= FLAT:
        return Tool.FLAT
    if row.get("answer") in tuple(Answer) or "_task_hash" in row:
        return Tool.PRODIGY
    other_text = reading.text_column == "text" not in row and isinstance(row.get("data"), str)
    other_label = reading.label_column == "label" not in row and "labels" in row
    return Tool.DOCCANO if other_text or other_label else Tool.NONE


def _answer(tool: Tool, row: Row) -> Answer:
    if tool is Tool.TASKS and row["annotations"]:
        return Answer.ACCEPT if _done(row) else Answer.IGNORE
    return Answer(row["answer"]) if tool is Tool.PRODIGY and row.get("answer") in tuple(Answer) else Answer.ACCEPT


def _text(place: str, tool: Tool, row: Row, reading: Reading) -> str:
    column = reading.text_column
    if tool is Tool.TASKS:
        row = row["data"]
        texts = [name for name, value in row.items() if isinstance(value, str)]
        column = texts[0] if column not in row and len(texts) == 1 else column
    if tool is Tool.DOCCANO and column not in row:
        column = "data"
    return clean(place, _value(place, row, column, "data.text_column"), column)


def _label(place: str, tool: Tool, row: Row, reading: Reading) -> tuple[str, Any]:
    """The label's column and what is in it."""
    column = reading.label_column
    if tool is Tool.TASKS:
        return _choice(place, row, column)
    if tool is Tool.PRODIGY and isinstance(row.get("accept"), list):
        return "accept", row["accept"]
    if column not in row:
        if isinstance(row.get("cats"), Mapping):
            return "cats", best_category(place, row["cats"])
        if tool is Tool.DOCCANO and "labels" in row:
            column = "labels"
        if tool is Tool.FLAT:
            left = [name for name in row if name not in LABEL_STUDIO and name != reading.text_column]
            column = left[0] if len(left) == 1 else column
    value = _value(place, row, column, "data.label_column")
    if tool is Tool.FLAT and isinstance(value, str) and value[:1] in ("{", "["):  # several choices, in a table
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if tool is Tool.DOCCANO and isinstance(value, str) and all(value.split("#")):  # several labels, in a table
        value = value.split("#")
    return column, value


def _choice(place: str, row: Row, column: str) -> tuple[str, Any]:
    """What the annotators chose. `column` is the question, where a task has several."""
    chosen: dict[str, list[Any]] = {}
    for annotation in _done(row):
        for result in _mappings(annotation.get("result")):
            value = result.get("value")
            if result.get("type") == "choices" and isinstance(value, Mapping):
                chosen.setdefault(str(result.get("from_name")), []).append(value.get("choices"))
    if len(chosen) > 1 and column not in chosen:
        questions = ", ".join(f"'{name}'" for name in chosen)
        raise UserError(f"{place}: several questions are answered: {questions}", advice="set data.label_column to one")
    question = column if column in chosen else next(iter(chosen), column)
    labels = dict.fromkeys(single(place, question, value) for value in chosen.get(question, []))
    if len(labels) > 1:
        listed = ", ".join(f"'{label}'" for label in labels)
        raise UserError(f"{place}: its annotators disagree: {listed}", advice="leave one of the annotations")
    return question, next(iter(labels), None)


def _done(row: Row) -> list[Row]:
    """The task's annotations that were not skipped."""
    return [annotation for annotation in _mappings(row["annotations"]) if not annotation.get("was_cancelled")]


def _mappings(value: Any) -> list[Row]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _value(place: str, row: Row, column: str, setting: str) -> Any:
    if column not in row:
        there = ", ".join(f"'{name}'" for name in row) or "nothing"
        raise UserError(f"{place}: no column '{column}', there is {there}", advice=f"set {setting}, one for all files")
    return row[column]
