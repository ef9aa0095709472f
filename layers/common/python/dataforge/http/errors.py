"""What can be wrong with a request, each situation with its HTTP status.

InvalidInput
├── NotJson, InvalidRequest                 400
├── WrongKey                                403
├── NotFound                                404
├── WrongMethod                             405
├── BodyTooLarge, AnswerTooLarge            413
├── WrongMediaType, WrongContentEncoding    415
└── KeyReused                               422
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from dataforge.errors import InvalidInput


class NotJson(InvalidInput):
    """The body is not the JSON that everybody reads alike."""


class InvalidRequest(InvalidInput):
    """The body or the query is not of the shape that the route takes.

    ``errors``: one {"pointer" or "parameter", "code", "message"} each.
    """

    def __init__(self, text: str, errors: Sequence[dict[str, Any]] = ()) -> None:
        self.errors = list(errors)
        super().__init__(text)


class WrongKey(InvalidInput):
    """The API key is missing, malformed, or of a kind that the route does not admit."""

    status = HTTPStatus.FORBIDDEN


class NotFound(InvalidInput):
    """There is nothing at this address."""

    status = HTTPStatus.NOT_FOUND


class WrongMethod(InvalidInput):
    """The route exists, with other methods."""

    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, method: str, allowed: Iterable[str]) -> None:
        self.allowed = ", ".join(sorted(allowed))
        super().__init__(f"{method} is not allowed here. Allowed: {self.allowed}.")


class BodyTooLarge(InvalidInput):
    """The body, unpacked, is larger than a function accepts. ``size`` is None where unpacking stopped at the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, size: int | None, limit: int) -> None:
        found = "has more bytes than that when it is unpacked" if size is None else f"has {size:,} bytes"
        super().__init__(
            f"The limit of a body is {limit:,} bytes; this one {found}. Send fewer records at once."
        )


class AnswerTooLarge(InvalidInput):
    """The answer is larger than Lambda can return."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self) -> None:
        super().__init__(
            "The answer is larger than 6 MB, which is all that can be returned. Ask for less: for one table instead of all, "
            "for fewer columns, or compressed (Accept and Accept-Encoding: gzip)."
        )


class WrongMediaType(InvalidInput):
    """The body is not declared as JSON in UTF-8."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self, found: str) -> None:
        super().__init__(f"Content-Type is {found[:100]!r}; send application/json (in UTF-8).")


class WrongContentEncoding(InvalidInput):
    """The body is compressed in a way that is not supported."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE

    def __init__(self, found: str) -> None:
        super().__init__(f"Content-Encoding is {found[:100]!r}; send gzip, or leave the header out.")


class KeyReused(InvalidInput):
    """The idempotency key was used for another body."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was used for another body. Send each new request with a new key."
        )
