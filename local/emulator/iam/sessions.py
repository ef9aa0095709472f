"""The callers that hold credentials: the administrator, processes of functions, and users with a role."""

import secrets
import time
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import sts

from local.emulator.anchors import require
from local.emulator.iam import policies
from local.emulator.iam.authorize import Caller, assume
from local.emulator.signatures import Credential
from local.iam.calls import Document, Principal

SESSION_SECONDS = 10 * 365 * 86400
"""Lambda renews the credentials of a process; here they outlast it. Tokens for PostgreSQL need an end."""
FUNCTION = "Function"
"""The name of the function's configuration in a session of the emulator."""


def check() -> None:
    """Raise ``AnchorGone`` if the emulator stores sessions elsewhere."""
    require(
        "iam.sessions", sts, "register_session", "_gen_session_access_key", "_gen_session_token", "_sessions"
    )
    require("iam.sessions", lambda_runtime, "_account_region_from_function_config")


def of_function(config: dict[str, Any]) -> dict[str, str]:
    """New credentials of the function's role, for the environment of a process of the function."""
    account, _ = lambda_runtime._account_region_from_function_config(config)
    name = config["FunctionName"][:64]
    key, secret, token = sts._gen_session_access_key(), secrets.token_urlsafe(30), sts._gen_session_token()
    principal = assume(config["Role"], "lambda.amazonaws.com", config["FunctionArn"], name).principal
    sts.register_session(
        key,
        {
            "Arn": principal.arn,
            "UserId": f"{principal.role}:{name}",
            "AccountId": account,
            "SecretAccessKey": secret,
            "SessionToken": token,
            "Expiration": time.time() + SESSION_SECONDS,
            FUNCTION: {
                "arn": config["FunctionArn"],
                "subnets": (config.get("VpcConfig") or {}).get("SubnetIds", ()),
            },
        },
    )
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def caller(credential: Credential) -> Caller:
    """The caller that holds the credential."""
    session = sts._sessions.get(credential.key) or {}
    function = session.get(FUNCTION)
    return Caller(
        Principal(credential.principal),
        session=_session_policy(session),
        subnets=tuple(function["subnets"]) if function else (),
        context={"lambda:sourcefunctionarn": function["arn"]} if function else {},
    )


def _session_policy(session: dict[str, Any]) -> Document | None:
    """The policy that was passed when the role was assumed; managed ones are not supported."""
    stored = (session.get("SessionPolicies") or {}).get("Policy")
    return policies.document(stored) if stored else None
