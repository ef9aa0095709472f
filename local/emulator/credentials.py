"""Require credentials for every call of the emulator, and give each process of a function a key pair of its role.

The emulator accepts any credentials, and its CORS headers let each web page read the answers. Its own option AUTH gives
functions keys that any program can compute from their ARNs, and does not evaluate the calls between services.
"""

import uuid

from ministack import app
from ministack.core import iam_evaluator, lambda_runtime
from ministack.core.responses import get_account_id
from ministack.core.router import detect_service
from ministack.services import lambda_svc, sts

from local.emulator.anchors import require
from local.emulator.gate import Answer, Gate
from local.emulator.iam import requests, sessions
from local.emulator.signatures import (
    BODY_CHANGED,
    CHUNKS,
    NO_HASH,
    PARAMETERS_WRONG,
    Credential,
    Refused,
    Request,
)

Administrator = dict[str, str]
"""aws_access_key_id, aws_secret_access_key"""

STATUSES = {
    PARAMETERS_WRONG: 400,
    "InvalidArgument": 400,
    NO_HASH: 400,
    BODY_CHANGED: 400,
    CHUNKS: 501,
}
"""The statuses of errors of S3 about a signature that the emulator does not have."""


def apply(administrator: Administrator, port: int) -> None:
    """Let in only requests that are signed with the administrator's credentials or with a session of a role."""
    require("credentials", app, "app", "_credential_failure")
    require("credentials", iam_evaluator, "resolve_credential", "is_root_access_key", "AuthError")
    require("credentials", lambda_runtime, "execution_credentials")
    require("credentials", lambda_svc, "execution_credentials")
    require("credentials", sts, "register_session")
    account = get_account_id()
    sts.register_session(
        administrator["aws_access_key_id"],
        {
            "Arn": f"arn:aws:iam::{account}:root",
            "UserId": account,
            "AccountId": account,
            "SecretAccessKey": administrator["aws_secret_access_key"],
        },
    )
    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = sessions.of_function
    app.app = Gate(
        app.app, (f"127.0.0.1:{port}", f"localhost:{port}"), _find, _refuse, requests.authorize_request
    )


def _find(access_key_id: str, token: str) -> Credential:
    # Keys that the emulator accepts as root: "test" and account numbers, whose secret is known.
    if iam_evaluator.is_root_access_key(access_key_id):
        raise Refused("UnrecognizedClientException", "The access key does not exist.")
    found = iam_evaluator.resolve_credential(access_key_id, get_account_id(), token)
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        raise Refused(found.code, found.message)
    return Credential(found.secret_access_key, found.principal_arn, access_key_id)


def _refuse(request: Request, error: Refused) -> Answer:
    """The answer in the protocol of the service that was called."""
    headers, parameters = dict(request.headers), {name: [value] for name, value in request.parameters}
    service = detect_service(request.method, request.path, headers, parameters)
    denied = iam_evaluator.AuthError(error.code, str(error))
    status, fields, body = app._credential_failure(service, "", str(uuid.uuid4()), denied, headers)
    return STATUSES.get(error.code, status), fields, body
