"""What API Gateway answers by itself: RFC 9457 problem documents, as ``dataforge.http`` writes them.

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
    """One of the gateway's own answers. ``name`` is the problem's, in words; ``retry_after`` is in seconds."""

    status: HTTPStatus
    name: str
    detail: str
    retry_after: int | None = None

    def add_to(self, api: apigateway.RestApi, kind: str) -> None:
        """Answer like this where API Gateway's response type is ``kind``."""
        headers = {"Content-Type": f"'{PROBLEM}'", "Cache-Control": "'no-store'"}
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
                "type": f"urn:dataforge:problem:{self.name.replace(' ', '-')}",
                "title": self.name.capitalize(),
                "status": self.status.value,
                "detail": self.detail,
                "instance": "$context.requestId",
            }
        )


WRONG_KEY = Refusal(
    HTTPStatus.FORBIDDEN, "wrong key", "The header x-api-key must hold a valid key of this API."
)
NOT_FOUND = Refusal(
    HTTPStatus.NOT_FOUND, "not found", "There is nothing at this address. GET /v1/ lists what there is."
)
# The gateway's answer for a function that Lambda does not run because the account's executions are all in use, and for one
# that fails.
BUSY = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "busy",
    "The service has too much to do at this moment. Send the request again after the time in Retry-After, with the same "
    "Idempotency-Key: whether the work was done is not known.",
    2,
)

REFUSALS = {
    "ACCESS_DENIED": WRONG_KEY,
    "INVALID_API_KEY": WRONG_KEY,
    "WAF_FILTERED": Refusal(
        HTTPStatus.FORBIDDEN, "filtered", "The firewall does not let this request through."
    ),
    # This is what the gateway says of a path that it does not know; no route here takes such a token.
    "MISSING_AUTHENTICATION_TOKEN": NOT_FOUND,
    "RESOURCE_NOT_FOUND": NOT_FOUND,
    "REQUEST_TOO_LARGE": Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body too large",
        "The body is too large: send fewer records at once.",
    ),
    "UNSUPPORTED_MEDIA_TYPE": Refusal(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "wrong media type", "Send application/json (in UTF-8)."
    ),
    "THROTTLED": Refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too many requests",
        "Too many requests in a short time. Send this one again, and fewer in a second.",
        1,
    ),
    "QUOTA_EXCEEDED": Refusal(
        HTTPStatus.TOO_MANY_REQUESTS,
        "quota used up",
        "The key's requests of this day are used up. The count begins anew at 0:00 UTC.",
        3600,
    ),
    "INTEGRATION_TIMEOUT": Refusal(
        HTTPStatus.GATEWAY_TIMEOUT,
        "timeout",
        "The answer took too long, and whether the work was done is not known. With an Idempotency-Key, send it again.",
        5,
    ),
    "INTEGRATION_FAILURE": BUSY,
    "DEFAULT_4XX": Refusal(HTTPStatus.BAD_REQUEST, "bad request", "The request cannot be understood."),
    "DEFAULT_5XX": BUSY,
}
"""By API Gateway's response type. The two defaults serve the types that are not listed."""


def speak_problems(api: apigateway.RestApi) -> None:
    """Every answer of the gateway itself becomes a problem document."""
    for kind, refusal in REFUSALS.items():
        refusal.add_to(api, kind)
