"""Validate the envelope of a batch, before its records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, GetCoreSchemaHandler, with_config
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict

from dataforge.api.body import Body, DatasetName, pointer, read_body
from dataforge.defaults import BATCH_RECORDS
from dataforge.records.violation import Violation, shortened
from dataforge.tables.datasets import DEFAULT

Mode = Literal["partial", "atomic", "dry_run"]
OnConflict = Literal["reject", "update", "ignore"]


class _JsonObject:
    """An object that is not copied: copying would take half of the envelope's validation time."""

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


class Batch(Body):
    """1 to 1,000 records for any tables of one dataset, in any order."""

    dataset: DatasetName = DEFAULT
    mode: Mode = "partial"
    on_conflict: OnConflict = "reject"
    records: Annotated[list[Record], Field(min_length=1, max_length=BATCH_RECORDS)]


def read_batch(document: Any) -> Batch:
    """The batch in a JSON document. Raises ``InvalidRequest`` with a pointer to each error."""
    return read_body(Batch, document, "The batch is invalid; see errors.")


def errors_of(index: int, violations: Sequence[Violation]) -> list[dict[str, str]]:
    """A record's violations with a JSON Pointer into the request."""
    return [
        {"pointer": _place(index, v), "code": v.code, "message": shortened(v.message)} for v in violations
    ]


def _place(index: int, violation: Violation) -> str:
    if violation.column is not None:
        return pointer("records", index, "data", shortened(violation.column))
    if violation.code == "unknown_table":
        return pointer("records", index, "table")
    return pointer("records", index)
