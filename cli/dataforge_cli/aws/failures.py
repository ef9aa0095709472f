"""What boto3 raises, as lines that say what to do."""

from __future__ import annotations

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NotConnected

from dataforge_cli.errors import AwsFailed

_START = "Start the embedded cloud with `make local`"
_SIGN_IN = f"Sign in to AWS (`aws configure` or `aws sso login`). {_START} if you meant that one."

_CLIENT_SIDE: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (
            NoCredentialsError,
            PartialCredentialsError,
            CredentialRetrievalError,
            SSOError,
            TokenRetrievalError,
        ),
        _SIGN_IN,
    ),
    ((ProfileNotFound,), "Set AWS_PROFILE to a profile that exists, or unset it."),
    ((NoRegionError,), f"Set AWS_REGION to the region of the stack. {_START} if you meant that one."),
    (
        (NotConnected, HTTPClientError),
        f"Check the connection. {_START} if this is its address (`make local-down` first, if it was not stopped cleanly).",
    ),
)
_ACCESS = "Ask for the right to do this, or use other credentials."
_GONE = "The outputs name something that is gone: deploy again."
_BY_CODE = {
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        _SIGN_IN,
    ),
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "403"), _ACCESS),
    **dict.fromkeys(("NoSuchBucket", "StateMachineDoesNotExist", "ResourceNotFoundException"), _GONE),
}


def error_code(error: ClientError) -> str:
    """The code that AWS gave the error."""
    return error.response.get("Error", {}).get("Code", "")


def explain(error: ClientError | BotoCoreError | Boto3Error) -> AwsFailed:
    """The failure in AWS's words, and the way out where one is known."""
    if isinstance(error, ClientError):
        code = error_code(error)
        return AwsFailed(_sentence(str(error), _BY_CODE.get(code, "")), code)
    for kinds, way_out in _CLIENT_SIDE:
        if isinstance(error, kinds):
            return AwsFailed(_sentence(str(error), way_out))
    return AwsFailed(_sentence(str(error), ""))


def _sentence(text: str, way_out: str) -> str:
    return f"{text.rstrip('. ')}. {way_out}".strip()
