"""An entry of the audit, and its log line. This module loads no database driver."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dataforge.audit.operations import Result
from dataforge.aws.telemetry import make_logger

logger = make_logger("audit")

_MOST_NAMED = 100


@dataclass(frozen=True)
class Entry:
    """An entry as a function records it.

    ``principal``: the ARN of an execution, or the id of an API key that the gateway vouches for.
    ``operation``: empty for the end of an execution, whose start has it. ``requested_by``: what the caller states.
    ``object``: names and ids, no content of records. ``error``: the code of a failure.
    """

    result: Result
    principal: str
    operation: str = ""
    dataset: str | None = None
    object: Mapping[str, Any] = field(default_factory=dict)
    requested_by: str | None = None
    error: str | None = None


def named(tables: Iterable[str]) -> dict[str, Any]:
    """The tables of an operation, for an entry's ``object``."""
    names = list(tables)
    more = {"table_count": len(names)} if len(names) > _MOST_NAMED else {}
    return {"tables": names[:_MOST_NAMED], **more}


def log(stored: Mapping[str, Any]) -> None:
    """Write the log line of an entry, by the columns of its row. The field ``service`` of audit's lines is "audit"."""
    logger.info("audit", extra={name: value for name, value in stored.items() if value is not None})
