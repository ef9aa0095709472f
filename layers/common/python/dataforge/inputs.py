"""The input of a state machine: a JSON object, understood or refused with what is wrong in it."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from dataforge.errors import InvalidInput


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
            wrong = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'input'}: {e['msg'].removeprefix('Value error, ')}"
                for e in error.errors(include_url=False)
            )
            raise InvalidInput(
                f"The input is wrong: {wrong}. Known fields: {', '.join(cls.model_fields)}."
            ) from error
