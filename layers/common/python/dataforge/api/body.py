"""Validate bodies and queries of requests, and report each error with its pointer or parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticKnownError

from dataforge.defaults import MOST_TABLES
from dataforge.errors import InvalidRequest
from dataforge.http.cursors import CURSOR_LENGTH
from dataforge.tables.datasets import DATASETS

ERRORS_SHOWN = 100
"""The most errors in a response; a body may have thousands."""


def _known(name: str) -> str:
    if name not in DATASETS:
        raise PydanticKnownError("literal_error", {"expected": " or ".join(map(repr, DATASETS))})
    return name


DatasetName = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(DATASETS)})]


TableName = Annotated[str, Field(max_length=200)]
PageCursor = Annotated[str, Field(max_length=CURSOR_LENGTH)]
Tables = Annotated[list[TableName], Field(min_length=1, max_length=MOST_TABLES)]


class Body(BaseModel):
    """Base of request models: unknown members are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


B = TypeVar("B", bound=Body)


def read_body(model: type[B], document: Any, wrong: str) -> B:
    """The validated document. Raises ``InvalidRequest`` with the message ``wrong`` and a pointer to each error."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidRequest(wrong, _errors(error)) from None


def read_query(model: type[B], parameters: Mapping[str, str]) -> B:
    """The query in a request's parameters. Raises ``InvalidRequest`` naming every wrong one."""
    try:
        return model.model_validate(parameters)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [
            {
                "parameter": str(item["loc"][0]) if item["loc"] else "",
                "code": item["type"],
                "message": item["msg"],
            }
            for item in found
        ]
        raise InvalidRequest("The query is invalid; see errors.", errors) from None


def _errors(error: ValidationError) -> list[dict[str, Any]]:
    return [
        {"pointer": pointer(*item["loc"]), "code": item["type"], "message": item["msg"]}
        for item in error.errors(include_url=False, include_context=False, include_input=False)[:ERRORS_SHOWN]
    ]


def pointer(*parts: str | int) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
