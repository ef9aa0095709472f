"""Sign the token with which a login signs in to RDS by IAM, as ``generate_db_auth_token`` of boto3 does.

botocore would sign it too, but its import takes longer than all other imports of a function together.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "rds-db"
_SECONDS = 900
"""The longest time that RDS accepts a token for a new connection."""


class Credentials(NamedTuple):
    """The credentials of a function. ``token``: of its session, or None."""

    access_key: str
    secret_key: str
    token: str | None = None


class Login(NamedTuple):
    """A login of a database."""

    host: str
    port: int
    user: str


def auth_token(login: Login, region: str, credentials: Credentials, now: datetime | None = None) -> str:
    """The token: a request that is signed by Signature Version 4 in its query, without the scheme."""
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{moment[:8]}/{region}/{_SERVICE}/aws4_request"
    parameters = {
        "Action": "connect",
        "DBUser": login.user,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(_SECONDS),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.token:
        parameters["X-Amz-Security-Token"] = credentials.token
    query = "&".join(f"{name}={_encoded(value)}" for name, value in sorted(parameters.items()))
    host = f"{login.host}:{login.port}"
    request = "\n".join(("GET", "/", query, f"host:{host.lower()}", "", "host", _sha256("")))
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join((_ALGORITHM, moment, scope, _sha256(request)))
    return f"{host}/?{query}&X-Amz-Signature={hmac.digest(key, text.encode(), 'sha256').hex()}"


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
