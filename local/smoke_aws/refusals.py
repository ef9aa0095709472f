"""Check that the database refuses a function with a wrong root certificate or a role that its policy does not contain.

The function's environment is changed for the duration of a check. The response must become 503, and then 200 again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local.smoke_aws.until import NotProved, until

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


PUBLIC_ROOTS = "/etc/pki/tls/certs/ca-bundle.crt"
"""The roots of the web, which Lambda's runtime has. None of them has signed RDS's certificates."""
_SECONDS = 120.0

Status = Callable[[], int]
"""Asks GET /v1/health of the function; its HTTP status."""


def prove_wrong_root_is_refused(functions: LambdaClient, name: str, status: Status) -> None:
    """With public root certificates the function refuses the certificate of RDS and does not connect."""
    prove_unavailable_with(functions, name, status, DB_SSLROOTCERT=PUBLIC_ROOTS)


def prove_other_role_is_denied(functions: LambdaClient, name: str, status: Status, role: str) -> None:
    """The function's policy allows its role only; IAM denies ``role``."""
    prove_unavailable_with(functions, name, status, DB_USER=role)


def prove_unavailable_with(functions: LambdaClient, name: str, status: Status, **environment: str) -> None:
    """Raise ``NotProved`` if the function reaches the database with these variables, or cannot reach it without them."""
    what = ", ".join(f"{key}={value}" for key, value in environment.items())
    if (before := status()) != 200:
        raise NotProved(f"{name} answers {before} before anything was changed.")
    with _changed(functions, name, environment):
        found = status()
        if found != 503:
            raise NotProved(
                f"{name} answers {found} with {what}; it must not reach the database, and answer 503."
            )
    until(f"{name} answers 200 again after {what}", lambda: status() == 200, _SECONDS)


@contextmanager
def _changed(functions: LambdaClient, name: str, environment: dict[str, str]) -> Iterator[None]:
    known = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    _set(functions, name, known | environment)
    try:
        yield
    finally:
        _set(functions, name, known)


def _set(functions: LambdaClient, name: str, variables: dict[str, str]) -> None:
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
