"""The envelope of a batch: what a request to /v1/records must look like before any record is judged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    with_config,
)
from pydantic_core import CoreSchema, PydanticKnownError, core_schema
from typing_extensions import TypedDict

from dataforge.datasets import DATASETS, DEFAULT
from dataforge.http.errors import InvalidRequest
from dataforge.rows import Violation

MOST_RECORDS = 1000
ERRORS_SHOWN = 100
"""Of a wrong envelope, which may be wrong in a thousand places."""

Mode = Literal["partial", "atomic", "dry_run"]
OnConflict = Literal["reject", "update", "ignore"]


def _known(name: str) -> str:
    if name not in DATASETS:
        raise PydanticKnownError("literal_error", {"expected": " or ".join(map(repr, DATASETS))})
    return name


DatasetName = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": list(DATASETS)})]


class _JsonObject:
    """An object as the parser made it, not copied: half of the time that an envelope takes would be for that."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        parsed = core_schema.custom_error_schema(
            core_schema.is_instance_schema(dict), custom_error_type="dict_type"
        )
        return core_schema.json_or_python_schema(json_schema=handler(source), python_schema=parsed)


@with_config(ConfigDict(extra="forbid"))
class Record(TypedDict):
    """One record: the table it is for, and its values by column."""

    table: Annotated[str, Field(max_length=200)]
    data: Annotated[dict[str, Any], _JsonObject()]


class Batch(BaseModel):
    """1 to 1,000 records for any tables of one dataset, in any order."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    dataset: DatasetName = DEFAULT
    mode: Mode = "partial"
    on_conflict: OnConflict = "reject"
    records: Annotated[list[Record], Field(min_length=1, max_length=MOST_RECORDS)]


def read_batch(document: Any) -> Batch:
    """The batch in a JSON document. Raises ``InvalidRequest`` with a pointer to everything that is wrong."""
    try:
        return Batch.model_validate(document)
    except ValidationError as error:
        raise InvalidRequest("The envelope of the batch is wrong; see errors.", _errors(error)) from error


def _errors(error: ValidationError) -> list[dict[str, Any]]:
    return [
        {"pointer": pointer(*item["loc"]), "code": item["type"], "message": item["msg"]}
        for item in error.errors(include_url=False, include_context=False, include_input=False)[:ERRORS_SHOWN]
    ]


def pointer(*parts: str | int) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def errors_of(index: int, violations: Sequence[Violation]) -> list[dict[str, str]]:
    """A record's violations with a JSON Pointer into the request."""
    return [{"pointer": _place(index, v), "code": v.code, "message": v.message} for v in violations]


def _place(index: int, violation: Violation) -> str:
    if violation.column is not None:
        return pointer("records", index, "data", violation.column)
    if violation.code == "unknown_table":
        return pointer("records", index, "table")
    return pointer("records", index)
