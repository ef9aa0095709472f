"""Name the API key of a request in the event of a function, as API Gateway does.

``requestContext.identity`` of AWS has every member, and the key only for methods that require one. The emulator checks the
key, but does not pass it on.
"""

from typing import Any

from ministack.services import apigateway_v1

from local.emulator.anchors import require

MEMBERS = (
    "cognitoIdentityPoolId",
    "accountId",
    "cognitoIdentityId",
    "caller",
    "accessKey",
    "cognitoAuthenticationType",
    "cognitoAuthenticationProvider",
    "userArn",
    "user",
    "apiKey",
    "apiKeyId",
)


def apply() -> None:
    """Add the key that the gateway has checked to each event."""
    require("api_keys", apigateway_v1, "_build_lambda_event_v1", "_resolve_api_key", "_api_key_from_request")
    original = apigateway_v1._build_lambda_event_v1

    def build(
        api_id: str,
        stage_name: str,
        stage: Any,
        resource: dict[str, Any],
        request_path: str,
        method: str,
        headers: Any,
        *others: Any,
        **names: Any,
    ) -> dict[str, Any]:
        event: dict[str, Any] = original(
            api_id, stage_name, stage, resource, request_path, method, headers, *others, **names
        )
        identity = dict.fromkeys(MEMBERS) | event["requestContext"]["identity"]
        event["requestContext"]["identity"] = identity | _checked_key(resource, method, headers)
        return event

    apigateway_v1._build_lambda_event_v1 = build


def _checked_key(resource: dict[str, Any], method: str, headers: Any) -> dict[str, str]:
    methods = resource.get("resourceMethods", {})
    if not (methods.get(method) or methods.get("ANY") or {}).get("apiKeyRequired"):
        return {}
    key = apigateway_v1._resolve_api_key(apigateway_v1._api_key_from_request(headers))
    return {} if key is None else {"apiKey": key["value"], "apiKeyId": key["id"]}
