"""Refused requests to the HTTP API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from http import HTTPStatus
from typing import Any

from dataforge.errors.base import InvalidInput, Refused


class NotJson(InvalidInput):
    """The body is not valid, unambiguous JSON."""

    code = "NotJson"


class InvalidRequest(InvalidInput):
    """The body or the query is invalid; `errors` lists the positions."""

    code = "InvalidRequest"

    def __init__(self, text: str, errors: Sequence[dict[str, Any]] = (), hint: str = "") -> None:
        """``errors``: one {"pointer" or "parameter", "code", "message"} each."""
        self.errors = list(errors)
        super().__init__(text, hint=hint)


class WrongKey(InvalidInput):
    """The API key is missing or invalid, or its kind does not permit the operation."""

    code = "WrongKey"
    status = HTTPStatus.FORBIDDEN


class KeyEnded(InvalidInput):
    """The API key was used after its last day."""

    code = "KeyEnded"
    status = HTTPStatus.FORBIDDEN
    hint = "Ask an operator for another key, or to move the end of this one: dataforge keys limit."

    def __init__(self, last_day: date) -> None:
        super().__init__(f"The API key ended: its last day was {last_day} (UTC).")


class OutsideLimits(InvalidInput):
    """The API key may not use the dataset or a table."""

    code = "OutsideLimits"
    status = HTTPStatus.FORBIDDEN
    hint = "Ask an operator to extend the limits of the key: dataforge keys limit."

    def __init__(self, dataset: str, tables: Sequence[str], allowed: Sequence[str]) -> None:
        """``tables``: those that it may not use; if empty, it may not use the whole dataset."""
        names = [f"{dataset}.{table}" for table in tables] or [dataset]
        super().__init__(
            f"The API key may not use {_shortened(names)}.", f"It may use {_shortened(allowed)}."
        )


def _shortened(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:200]) for name in names[:10])
    return shown + (f" and {len(names) - 10} more" if len(names) > 10 else "") if names else "nothing"


class NotFound(InvalidInput):
    """The resource does not exist."""

    code = "NotFound"
    status = HTTPStatus.NOT_FOUND


class WrongMethod(InvalidInput):
    """The route does not support the method."""

    code = "WrongMethod"
    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"{method} is not allowed here.", f"Allowed: {self.allowed}.")


class BodyTooLarge(InvalidInput):
    """The body exceeds the size limit."""

    code = "BodyTooLarge"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    hint = "Send fewer records per request."

    def __init__(self, size: int | None = None, limit: int | None = None) -> None:
        """``size`` is None if decompression stopped at the limit; both are in bytes, and unknown to the gateway."""
        found = f"The body has {size:,} bytes." if size else "The body is too large."
        super().__init__(found, f"The limit is {limit:,} bytes, decompressed." if limit else "")


class RejectionsTooLarge(InvalidInput):
    """The rejected records of a batch are too large for the database, and the report bucket is unavailable."""

    code = "RejectionsTooLarge"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    hint = "Send fewer records per request, or correct the records before sending them again."

    def __init__(self, size: int, limit: int) -> None:
        """Sizes in bytes."""
        super().__init__(
            "The rejected records of the batch cannot be stored, so nothing was stored.",
            f"{size:,} bytes exceed the {limit:,} that the database stores, and the storage for them is unavailable.",
        )


class AnswerTooLarge(InvalidInput):
    """The answer exceeds the 6 MB that Lambda can return."""

    code = "AnswerTooLarge"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    hint = "Request one table, fewer columns, or a compressed answer (Accept and Accept-Encoding: gzip)."

    def __init__(self) -> None:
        super().__init__("The answer is larger than the limit of 6 MB.")


class RowTooLarge(InvalidInput):
    """A single row exceeds the size limit of an answer."""

    code = "RowTooLarge"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    hint = "Exclude its large columns with select=, or export the table."

    def __init__(self) -> None:
        super().__init__("The next row alone is larger than the limit of an answer (6 MB after escaping).")


class WrongMediaType(InvalidInput):
    """The body is not declared as JSON in UTF-8."""

    code = "WrongMediaType"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    hint = "Send application/json (in UTF-8)."

    def __init__(self, found: str | None = None) -> None:
        super().__init__(
            "The Content-Type is not supported."
            if found is None
            else f"Content-Type {found[:100]!r} is not supported."
        )


class WrongContentEncoding(InvalidInput):
    """The compression of the body is not supported."""

    code = "WrongContentEncoding"
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    hint = "Send gzip, or omit the header."

    def __init__(self, found: str) -> None:
        super().__init__(f"Content-Encoding {found[:100]!r} is not supported.")


class KeyReused(InvalidInput):
    """The Idempotency-Key was used for another body."""

    code = "KeyReused"
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    hint = "Send each new request with a new key."

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another body.")


class RequestInProgress(Refused):
    """The first request with this Idempotency-Key is still running."""

    code = "StillRunning"
    hint = "Send the request again in a few seconds."

    def __init__(self) -> None:
        super().__init__("The first request with this Idempotency-Key is still running.")
