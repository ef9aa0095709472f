"""The parts of an error and the families of errors.

An error has a message (what happened, naming the thing), an optional detail (the data) and an optional hint (what to do).
``str(error)`` is the three in one line. ``code`` is public: it reaches Step Functions, the ledger, the API's problem types
and the command line's JSON. It is a literal on each class, so that a class can be renamed and its code stays.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar, Self


def compose(message: str, detail: str = "", hint: str = "") -> str:
    """The parts as one text, such as "No file orders.csv. Found: order.csv. Hint: Rename the file."."""
    return " ".join(part for part in (message, detail, hint and f"Hint: {hint}") if part)


class CodedError(Exception):
    """An error with a stable code, a message, a detail and a hint."""

    code: ClassVar[str] = "CodedError"
    hint: str = ""
    """The hint of an instance; a class may define a default."""

    def __init__(self, message: str, detail: str = "", hint: str = "") -> None:
        self.message, self.detail, self.hint = message, detail, hint or type(self).hint
        super().__init__(compose(message, detail, self.hint))

    def with_advice(self, detail: str, hint: str) -> Self:
        """The error with another detail and hint."""
        advised = type(self).__new__(type(self))
        vars(advised).update(vars(self))
        advised.detail, advised.hint = detail, hint
        advised.args = (compose(self.message, detail, hint),)
        return advised


class DataForgeError(CodedError):
    """An error of a function or the shared layer; the base of the following codes."""

    code = "DataForgeError"
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    retried: ClassVar[bool] = False
    """Whether state machines repeat the step. Step Functions compares codes, so only leaves are listed there."""
    retry_after: ClassVar[int | None] = None
    """Seconds after which a client of the API may repeat the request: the header Retry-After."""
    for_callers: ClassVar[str] = ""
    """The text in the API's answers, if the full text names logins, settings or buckets."""


class InvalidInput(DataForgeError):
    """The input is invalid."""

    code = "InvalidInput"
    status = HTTPStatus.BAD_REQUEST


class Refused(DataForgeError):
    """The operation is possible but would cause damage."""

    code = "Refused"
    status = HTTPStatus.CONFLICT


class Temporary(DataForgeError):
    """The same call may succeed later."""

    code = "Temporary"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    retried = True
    retry_after = 2


class Unexpected(DataForgeError):
    """A defect in Data Forge."""

    code = "Unexpected"

    def __init__(self, kind: str = "") -> None:
        """``kind`` is the class of the original error, whose text is left out because it may quote a record."""
        if kind:
            super().__init__(
                f"An unexpected {kind} was raised.",
                hint="Read the log of the function, which has the position.",
            )
        else:
            super().__init__("An internal error occurred. The log describes it under this instance.")
