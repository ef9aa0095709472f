"""The responses of API Gateway itself, as problem documents (RFC 9457) of the errors in ``dataforge.errors``.

The templates are not executed, and ``$context.requestId`` is their only variable: others may contain text of the caller.
"""

from __future__ import annotations

import json

from aws_cdk import aws_apigateway as apigateway

from dataforge.errors import (
    BadRequest,
    BodyTooLarge,
    Busy,
    DataForgeError,
    Filtered,
    GatewayTimeout,
    NotFound,
    QuotaUsedUp,
    TooManyRequests,
    WrongKey,
    WrongMediaType,
)
from dataforge.errors.problems import PROBLEM, problem_document
from dataforge.response_headers import EVERY_ANSWER

_WRONG_KEY = WrongKey("The header x-api-key does not contain a valid key of this API.")
_NOT_FOUND = NotFound("The path does not exist.", hint="GET /v1/ lists the routes.")
# Lambda refused to run the function because the account's concurrency is used up, or the function failed.
_BUSY = Busy(
    "The service is overloaded. The request may have been processed.",
    hint="Send the request again after the time in Retry-After, with the same Idempotency-Key.",
)

RESPONSES: dict[str, DataForgeError] = {
    "ACCESS_DENIED": _WRONG_KEY,
    "INVALID_API_KEY": _WRONG_KEY,
    "WAF_FILTERED": Filtered(),
    # The gateway's response to an unknown path; no route here takes such a token.
    "MISSING_AUTHENTICATION_TOKEN": _NOT_FOUND,
    "RESOURCE_NOT_FOUND": _NOT_FOUND,
    "REQUEST_TOO_LARGE": BodyTooLarge(),
    "UNSUPPORTED_MEDIA_TYPE": WrongMediaType(),
    "THROTTLED": TooManyRequests(),
    "QUOTA_EXCEEDED": QuotaUsedUp(),
    "INTEGRATION_TIMEOUT": GatewayTimeout(),
    "INTEGRATION_FAILURE": _BUSY,
    "DEFAULT_4XX": BadRequest(),
    "DEFAULT_5XX": _BUSY,
}
"""By response type of API Gateway. The two defaults apply to types that are not listed."""


def add_problem_responses(api: apigateway.RestApi) -> None:
    """Let the gateway answer every refused request with a problem document."""
    for kind, error in RESPONSES.items():
        headers = {"Content-Type": f"'{PROBLEM}'", "Cache-Control": "'no-store'"}
        headers |= {name: f"'{value}'" for name, value in EVERY_ANSWER.items()}
        if error.retry_after is not None:
            headers["Retry-After"] = f"'{error.retry_after}'"
        api.add_gateway_response(
            kind,
            type=apigateway.ResponseType.of(kind),
            status_code=str(error.status.value),
            response_headers=headers,
            templates={"application/json": json.dumps(problem_document(error, "$context.requestId"))},
        )
