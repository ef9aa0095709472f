"""Translate errors of boto3 into errors of the command line with a hint."""

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
_SIGN_IN = f"Sign in to AWS (`aws configure` or `aws sso login`). {_START} if you meant the embedded cloud."

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
    (
        (NoRegionError,),
        f"Set AWS_REGION to the region of the stack. {_START} if you meant the embedded cloud.",
    ),
    (
        (NotConnected, HTTPClientError),
        f"Check the connection. {_START} if this is its address (`make local-down` first, if it was not stopped cleanly).",
    ),
)
_ACCESS = "Request the permission, or use other credentials."
_GONE = "Deploy again: the outputs contain a resource that no longer exists."
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
    """Return the code that AWS reported, or ""."""
    return error.response.get("Error", {}).get("Code", "")


def explain(error: ClientError | BotoCoreError | Boto3Error) -> AwsFailed:
    """Return the failure with AWS's message, and a hint if one is known."""
    if isinstance(error, ClientError):
        code = error_code(error)
        return AwsFailed(_sentence(error), hint=_BY_CODE.get(code, ""), name=code)
    hints = (hint for kinds, hint in _CLIENT_SIDE if isinstance(error, kinds))
    return AwsFailed(_sentence(error), hint=next(hints, ""))


def _sentence(error: Exception) -> str:
    return f"{str(error).rstrip('. ')}."
