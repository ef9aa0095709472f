"""Validate the input of a state machine."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from dataforge.errors import InvalidInput
from dataforge.runs.ids import FORM

_SHOWN = 100


def _id(text: str) -> str:
    if not FORM.fullmatch(text):
        raise ValueError(f"{text[:_SHOWN]!r} is not a valid id; an id looks like 20261125T195930Z-1f0c2a9b")
    return text


Id = Annotated[str, AfterValidator(_id)]
"""The id of a run or backup."""


Requester = Annotated[str, StringConstraints(max_length=300, pattern=r"^[!-~]([ -~]*[!-~])?$")]
"""Who starts an execution, as the caller states it: one line of visible ASCII characters, such as an ARN."""


class Input(BaseModel):
    """Base of the inputs: an unknown field is an error, and null means that the field is omitted.

    Many callers fill a template, in which the fields that they do not need are null. ``requested_by`` is for the audit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    requested_by: Requester | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        return {k: v for k, v in document.items() if v is not None or k not in cls.model_fields}

    @classmethod
    def read(cls, document: Any) -> Self:
        """The validated input. Raises ``InvalidInput``, which names every invalid field."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            wrong = "; ".join(map(_describe, error.errors(include_url=False)))
            raise InvalidInput(
                f"The input is invalid: {wrong}.", f"Fields: {', '.join(cls.model_fields)}."
            ) from None


def _describe(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "model_type":
        message = "it is not a JSON object"
    return f"{'.'.join(map(str, error['loc'])) or 'input'}: {message}"
