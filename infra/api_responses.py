"""What API Gateway answers by itself, in the form of the rest: RFC 9457 problem documents.

The templates are filled in, not executed, and ``$context.requestId`` is the only variable used: the others may hold what the
caller sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus

from aws_cdk import aws_apigateway as apigateway

PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Refusal:
    """One of the gateway's own answers; ``retry_after`` is in seconds."""

    status: HTTPStatus
    detail: str
    retry_after: int | None = None

    def add_to(self, api: apigateway.RestApi, kind: str) -> None:
        """Answer like this where API Gateway's response type is ``kind``."""
        headers = {"Content-Type": f"'{PROBLEM}'"}
        if self.retry_after is not None:
            headers["Retry-After"] = f"'{self.retry_after}'"
        api.add_gateway_response(
            kind,
            type=apigateway.ResponseType.of(kind),
            status_code=str(self.status.value),
            response_headers=headers,
            templates={"application/json": self._template()},
        )

    def _template(self) -> str:
        return json.dumps(
            {
                "type": "about:blank",
                "title": self.status.phrase,
                "status": self.status.value,
                "detail": self.detail,
                "instance": "$context.requestId",
            }
        )


FORBIDDEN = Refusal(
    HTTPStatus.FORBIDDEN,
    "The header x-api-key must hold a key of this API that may do this. None was accepted.",
)
NOT_FOUND = Refusal(HTTPStatus.NOT_FOUND, "There is nothing at this address. GET /v1/ lists what there is.")
FAILED = Refusal(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "The request could not be handled. The log has the reason, under `instance`.",
)

REFUSALS = {
    "ACCESS_DENIED": FORBIDDEN,
    "INVALID_API_KEY": FORBIDDEN,
    "WAF_FILTERED": FORBIDDEN,
    # This is what the gateway says of a path that it does not know; no route here takes such a token.
    "MISSING_AUTHENTICATION_TOKEN": NOT_FOUND,
    "RESOURCE_NOT_FOUND": NOT_FOUND,
    "REQUEST_TOO_LARGE": Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large: send at most 4 MB at once."
    ),
    "UNSUPPORTED_MEDIA_TYPE": Refusal(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must be application/json, in UTF-8."
    ),
    "THROTTLED": Refusal(
        HTTPStatus.TOO_MANY_REQUESTS, "Too many requests in a short time. Send fewer, and this one again.", 1
    ),
    "QUOTA_EXCEEDED": Refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The key's requests of today are used up; the count begins anew at 0:00 UTC.",
        3600,
    ),
    "INTEGRATION_TIMEOUT": Refusal(
        HTTPStatus.GATEWAY_TIMEOUT,
        "The answer took too long. Whether the work was done is not known: with an Idempotency-Key, send it again.",
        5,
    ),
    "INTEGRATION_FAILURE": Refusal(HTTPStatus.BAD_GATEWAY, FAILED.detail),
    "DEFAULT_4XX": Refusal(HTTPStatus.BAD_REQUEST, "The request cannot be understood."),
    "DEFAULT_5XX": FAILED,
}
"""By API Gateway's response type. The two defaults serve the types that are not listed."""


def speak_problems(api: apigateway.RestApi) -> None:
    """Every answer of the gateway itself becomes a problem document."""
    for kind, refusal in REFUSALS.items():
        refusal.add_to(api, kind)
