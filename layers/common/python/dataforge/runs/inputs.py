"""The input of a state machine: a JSON object, understood or refused with what is wrong in it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails

from dataforge.errors import InvalidInput
from dataforge.runs.ids import FORM

_SHOWN = 100


def _id(text: str) -> str:
    if not FORM.fullmatch(text):
        raise ValueError(f"{text[:_SHOWN]!r} is no id; ids look like 20261125T195930Z-1f0c2a9b")
    return text


Id = Annotated[str, AfterValidator(_id)]
"""The id of a run or backup."""


class Input(BaseModel):
    """What the inputs of all state machines share: unknown fields are errors, and null means that a field is left out.

    Many callers write an input from a template of their own, in which what they do not want is null.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        return {k: v for k, v in document.items() if v is not None or k not in cls.model_fields}

    @classmethod
    def read(cls, document: Any) -> Self:
        """The input, understood by itself. Raises ``InvalidInput``, which names every wrong field."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            wrong = "; ".join(map(_told, error.errors(include_url=False)))
            raise InvalidInput(
                f"The input is invalid: {wrong}.", f"Fields: {', '.join(cls.model_fields)}."
            ) from error


def _told(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "model_type":
        message = "it is no JSON object"
    return f"{'.'.join(map(str, error['loc'])) or 'input'}: {message}"
