"""Composed values come in, a typed config goes out, or one line that names each wrong key."""

from typing import Any

from pydantic import ValidationError

from lmao.config.fields import options
from lmao.config.run import Config
from lmao.errors import UserError

# Which member of a union was tried stands in pydantic's paths, but not in a user's keys.
OPTIONS = {name for field in Config.model_fields.values() for name, _ in options(field.annotation)}


def validate(values: dict[str, Any]) -> Config:
    """A typed config from composed values (`vectors.target` becomes `target`).

    Raises:
        UserError: a key is unknown or a value out of its range; the line names each key.
    """
    if isinstance(values.get("vectors"), dict):
        values = {**values, "vectors": {**values["vectors"]}}
        if "target" in values["vectors"]:
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
