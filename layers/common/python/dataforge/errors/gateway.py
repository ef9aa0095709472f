"""Requests that API Gateway refuses before a function is invoked."""

from __future__ import annotations

from http import HTTPStatus

from dataforge.errors.base import InvalidInput, Temporary


class BadRequest(InvalidInput):
    """API Gateway rejected the request as invalid."""

    code = "BadRequest"

    def __init__(self) -> None:
        super().__init__("The request is invalid.")


class Filtered(InvalidInput):
    """The firewall blocked the request."""

    code = "Filtered"
    status = HTTPStatus.FORBIDDEN

    def __init__(self) -> None:
        super().__init__("The firewall blocked the request.")


class TooManyRequests(Temporary):
    """The rate limit of the API key was exceeded."""

    code = "TooManyRequests"
    status = HTTPStatus.TOO_MANY_REQUESTS
    retried = False
    retry_after = 1
    hint = "Send the request again after the time in Retry-After, and fewer requests per second."

    def __init__(self) -> None:
        super().__init__("The rate limit was exceeded.")


class QuotaUsedUp(Temporary):
    """The daily quota of the API key was exceeded."""

    code = "QuotaUsedUp"
    status = HTTPStatus.TOO_MANY_REQUESTS
    retried = False
    retry_after = 3600
    hint = "Send the request again after 0:00 UTC, when the quota is reset."

    def __init__(self) -> None:
        super().__init__("The daily quota of the API key was exceeded.")


class GatewayTimeout(Temporary):
    """The function did not answer in time; the request may have been processed."""

    code = "Timeout"
    status = HTTPStatus.GATEWAY_TIMEOUT
    retried = False
    retry_after = 5
    hint = "Send the request again with the same Idempotency-Key."

    def __init__(self) -> None:
        super().__init__("The request timed out. It may have been processed.")
