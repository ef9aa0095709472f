"""The condition keys that policies can test of a request to S3, as S3 supplies them.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from datetime import UTC, datetime

from local.emulator.signatures import Request

TRANSPORT = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}
"""The connections on 127.0.0.1 stand for AWS's, which have TLS. For another connection: ``PLAIN``."""
PLAIN = {"aws:securetransport": "false"}
"""A request without TLS, which has no ``s3:TlsVersion``."""

HEADERS = (
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    "x-amz-content-sha256",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "if-none-match",
    "if-match",
)
"""Headers whose key is ``s3:`` and the header's name."""

LOCKS = {
    "x-amz-object-lock-mode": "s3:object-lock-mode",
    "x-amz-object-lock-legal-hold": "s3:object-lock-legal-hold",
    "x-amz-object-lock-retain-until-date": "s3:object-lock-retain-until-date",
}
PARAMETERS = ("prefix", "delimiter", "max-keys", "versionId")


def s3_context(
    request: Request, now: datetime | None = None, transport: dict[str, str] = TRANSPORT
) -> dict[str, str]:
    """The keys in lower case. A presigned URL may have headers as parameters, which count like headers."""
    parameters = {name.lower(): value for name, value in request.parameters}
    fields = {**parameters, **dict(request.headers)}
    found = {f"s3:{name}": fields[name] for name in HEADERS if fields.get(name)}
    found |= {key: fields[name] for name, key in LOCKS.items() if fields.get(name)}
    found |= {
        f"s3:{name.lower()}": parameters[name.lower()] for name in PARAMETERS if name.lower() in parameters
    }
    return found | _signature(request, parameters) | _remaining(found, now or datetime.now(UTC)) | transport


def _signature(request: Request, parameters: dict[str, str]) -> dict[str, str]:
    if "x-amz-signature" in parameters:
        return {"s3:signatureversion": "AWS4-HMAC-SHA256", "s3:authtype": "REST-QUERY-STRING"}
    if request.header("authorization"):
        return {"s3:signatureversion": "AWS4-HMAC-SHA256", "s3:authtype": "REST-HEADER"}
    return {}


def _remaining(found: dict[str, str], now: datetime) -> dict[str, str]:
    """The days of a retention period, whole ones as S3 counts them."""
    until = found.get("s3:object-lock-retain-until-date")
    if until is None:
        return {}
    try:
        days = (datetime.fromisoformat(until) - now).days
    except (ValueError, TypeError):
        return {}
    return {"s3:object-lock-remaining-retention-days": str(days)}
