"""Passwords for PostgreSQL: a token signed with IAM credentials, or the password of a secret.

botocore is imported only where it is needed, because its import takes longer than all other imports of a function.
"""

from __future__ import annotations

import json
import os

from dataforge.postgres.auth_token import Credentials, Login, auth_token
from dataforge.settings import DatabaseSettings


def password_of(settings: DatabaseSettings) -> str:
    """The current password of ``db_user``."""
    return _token(settings) if settings.db_auth == "iam" else _secret(settings.db_secret_arn)


def _token(settings: DatabaseSettings) -> str:
    """A token that is signed with the function's own credentials, without a network call."""
    region, credentials = _from_environment() or _from_session()
    return auth_token(Login(settings.db_host, settings.db_port, settings.db_user), region, credentials)


def _from_environment() -> tuple[str, Credentials] | None:
    """Region and credentials of a function, which Lambda sets; None if one is missing."""
    names = ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    region, key, secret = (os.environ.get(name) for name in names)
    if not (region and key and secret):
        return None
    return region, Credentials(key, secret, os.environ.get("AWS_SESSION_TOKEN"))


def _from_session() -> tuple[str, Credentials]:
    """Region and credentials from other sources, such as the endpoint of a container."""
    from botocore.exceptions import NoCredentialsError  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    session = get_session()
    found = session.get_credentials()
    frozen = found and found.get_frozen_credentials()
    if not (frozen and frozen.access_key and frozen.secret_key):
        raise NoCredentialsError
    credentials = Credentials(frozen.access_key, frozen.secret_key, frozen.token)
    return session.get_config_variable("region"), credentials


def _secret(arn: str) -> str:
    from dataforge.aws.clients import CALLER, make_client  # noqa: PLC0415

    secrets = make_client("secretsmanager", CALLER)
    password: str = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])["password"]
    return password
