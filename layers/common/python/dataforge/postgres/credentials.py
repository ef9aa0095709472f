"""Passwords for PostgreSQL: a token signed with IAM credentials, or the password of a secret.

The module uses botocore only: boto3's model of RDS would make signing a token ten times slower.
"""

from __future__ import annotations

import json

import botocore.session
from botocore.awsrequest import prepare_request_dict
from botocore.exceptions import NoCredentialsError
from botocore.model import ServiceId
from botocore.signers import RequestSigner

from dataforge.aws.clients import CALLER, make_client
from dataforge.settings import DatabaseSettings

_SERVICE = "rds-db"
_TOKEN_SECONDS = 900


def password_of(settings: DatabaseSettings) -> str:
    """The current password of ``db_user``."""
    return _token(settings) if settings.db_auth == "iam" else _secret(settings.db_secret_arn)


def _token(settings: DatabaseSettings) -> str:
    """The token of ``generate_db_auth_token``, signed with the function's own credentials, without a network call."""
    session = botocore.session.get_session()
    region, credentials = session.get_config_variable("region"), session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    signer = RequestSigner(
        ServiceId(_SERVICE),
        region,
        _SERVICE,
        "v4",
        credentials,
        session.get_component("event_emitter"),
    )
    query = {"Action": "connect", "DBUser": settings.db_user}
    request = {"url_path": "/", "query_string": "", "headers": {}, "body": query, "method": "GET"}
    prepare_request_dict(request, f"https://{settings.db_host}:{settings.db_port}")
    url: str = signer.generate_presigned_url(
        request, "connect", region_name=region, expires_in=_TOKEN_SECONDS, signing_name=_SERVICE
    )
    return url.removeprefix("https://")


def _secret(arn: str) -> str:
    secrets = make_client("secretsmanager", CALLER)
    password: str = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])["password"]
    return password
