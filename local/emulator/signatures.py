"""Verify the signatures (Signature Version 4) of requests to the emulator, in a header or in a presigned URL.

The expected signature comes from botocore's signers, so the canonical form of a request is that of AWS's own client. A body
must have the hash that its signature states.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qsl

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=15)
MAX_EXPIRES = 7 * 24 * 3600
PARAMETERS_WRONG, HEADER_WRONG = "AuthorizationQueryParametersError", "IncompleteSignature"
HASH = "x-amz-content-sha256"
NO_HASH, BODY_CHANGED, CHUNKS = "InvalidRequest", "XAmzContentSHA256Mismatch", "NotImplemented"
"""The errors of S3 about the hash of a body."""
BODY_TEXT = f"The provided {HASH!r} header does not match what was computed."  # prose: ignore
UNSIGNED = ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
"""Values in place of a hash: TLS protects the body, for which 127.0.0.1 stands. With the second, it ends with a checksum."""
HEXADECIMAL = re.compile("[0-9a-f]{64}")


class Refused(Exception):
    """A request without a valid signature. ``code`` is a name of AWS, which each service's protocol spells differently."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Credential(NamedTuple):
    """The secret of an access key, the ARN of the principal that holds it, and the key's id."""

    secret: str
    principal: str
    key: str = ""


Find = Callable[[str, str], Credential]
"""Access key id and session token (or "") to the credential. Raises ``Refused`` for an unknown or expired one."""


@dataclass(frozen=True)
class Request:
    """A request as sent: percent-encoded path and query, header names in lower case."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]

    def header(self, name: str) -> str:
        """The first value of a header, or ""."""
        return next((value for known, value in self.headers if known == name), "")

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The decoded query parameters."""
        return parse_qsl(self.query, keep_blank_values=True)

    @property
    def signs_body(self) -> bool:
        """Whether the signature covers a hash of the body."""
        return self.header(HASH) not in UNSIGNED and "X-Amz-Signature" not in dict(self.parameters)


class Claim(NamedTuple):
    """The statements of a request about its signature."""

    access_key_id: str
    day: str
    region: str
    service: str
    signed_headers: frozenset[str]
    signature: str
    signed_at: str
    token: str
    expires: str | None
    """Validity of a presigned URL in seconds; None for a signature in the header."""


def verify(request: Request, body: bytes, find: Find, now: datetime | None = None) -> Credential:
    """The credential that signed the request. Raises ``Refused``."""
    claim = _claim(request)
    _require_time(claim, now or datetime.now(UTC))
    _require_signed_headers(claim, (name for name, _ in request.headers))
    credential = find(claim.access_key_id, claim.token)
    if not hmac.compare_digest(
        _expected(claim, credential, request, body).encode(), claim.signature.encode()
    ):
        raise Refused("SignatureDoesNotMatch", "The signature does not match. Check the secret access key.")
    if request.signs_body:
        _require_hash(claim, request.header(HASH), body)
    return credential


def _claim(request: Request) -> Claim:
    parameters, authorization = dict(request.parameters), request.header("authorization")
    if authorization and "X-Amz-Signature" not in parameters:
        return _claim_of_header(authorization, request)
    if "X-Amz-Signature" in parameters and not authorization:
        return _claim_of_url(parameters)
    if authorization:
        raise Refused("InvalidArgument", "Only one auth mechanism allowed.")
    raise Refused("MissingAuthenticationToken", "The request must have one signature, and no more.")


def _claim_of_header(authorization: str, request: Request) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    return _checked(
        {"Algorithm": algorithm, "Date": request.header("x-amz-date"), **fields},
        request.header("x-amz-security-token"),
        None,
    )


def _claim_of_url(parameters: dict[str, str]) -> Claim:
    fields = {
        name.removeprefix("X-Amz-"): value for name, value in parameters.items() if name.startswith("X-Amz-")
    }
    claim = _checked(fields, fields.get("Security-Token", ""), fields.get("Expires", ""))
    if claim.service != "s3":
        raise Refused("IncompleteSignature", "Only URLs of S3 can be presigned.")
    return claim


def _checked(fields: dict[str, str], token: str, expires: str | None) -> Claim:
    missing = [name for name in ("Credential", "SignedHeaders", "Signature", "Date") if not fields.get(name)]
    scope = fields.get("Credential", "").split("/")
    if fields.get("Algorithm") != ALGORITHM or missing or len(scope) != 5 or scope[4] != "aws4_request":
        code = HEADER_WRONG if expires is None else PARAMETERS_WRONG
        raise Refused(code, f"The signature must be a complete {ALGORITHM} signature.")
    key, day, region, service, _ = scope
    headers = frozenset(fields["SignedHeaders"].split(";"))
    return Claim(key, day, region, service, headers, fields["Signature"], fields["Date"], token, expires)


def _require_time(claim: Claim, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claim.signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        valid = MAX_SKEW if claim.expires is None else timedelta(seconds=_seconds(claim.expires))
    except ValueError as error:
        code = HEADER_WRONG if claim.expires is None else PARAMETERS_WRONG
        raise Refused(code, "The date or the validity of the signature is malformed.") from error
    if claim.expires is not None and signed_at > now + MAX_SKEW:
        raise Refused("AccessDenied", "Request is not yet valid")
    if claim.day != claim.signed_at[:8]:
        raise Refused("CredentialDateMismatch", "The credential has another date than the request.")
    if claim.expires is None and abs(now - signed_at) > MAX_SKEW:
        raise Refused(
            "RequestTimeTooSkewed",
            f"The request was signed at {claim.signed_at}; it is {now:%Y%m%dT%H%M%SZ}.",
        )
    if now > signed_at + valid:
        raise Refused("RequestExpired", "Request has expired")


def _require_hash(claim: Claim, stated: str, body: bytes) -> None:
    """Raise ``Refused`` unless the body has the stated hash. Without one, it was part of the expected signature."""
    if not stated:
        if claim.service == "s3":
            raise Refused(NO_HASH, f"Missing required header for this request: {HASH}")
    elif stated.startswith("STREAMING-"):
        raise Refused(CHUNKS, "Bodies in chunks with separate signatures are not supported.")
    elif not HEXADECIMAL.fullmatch(stated):
        raise Refused("InvalidArgument", f"{HASH} must be UNSIGNED-PAYLOAD or a valid sha256 value.")
    elif hashlib.sha256(body).hexdigest() != stated:
        raise Refused(BODY_CHANGED, BODY_TEXT)


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > MAX_EXPIRES:
        raise ValueError(text)
    return int(text)


def _require_signed_headers(claim: Claim, sent: Iterable[str]) -> None:
    needed = {"host", *(name for name in sent if name.startswith("x-amz-"))}
    if unsigned := sorted(needed - claim.signed_headers):
        raise Refused("SignatureDoesNotMatch", f"Headers must be signed: {', '.join(unsigned)}.")


def _expected(claim: Claim, credential: Credential, request: Request, body: bytes) -> str:
    signer = _signer(claim)(Credentials(claim.access_key_id, credential.secret), claim.service, claim.region)
    signed = AWSRequest(
        method=request.method,
        url=f"http://{request.header('host')}{request.path}",
        data=body,
    )
    parameters = [(name, value) for name, value in request.parameters if name != "X-Amz-Signature"]
    signed.params = parameters  # type: ignore[assignment]  # a list, because a name may be repeated
    for name, value in request.headers:
        if name in claim.signed_headers:
            signed.headers.add_header(name, value)
    signed.context["timestamp"] = claim.signed_at
    text = signer.string_to_sign(signed, signer.canonical_request(signed))
    return str(signer.signature(text, signed))


def _signer(claim: Claim) -> type[SigV4Auth]:
    if claim.expires is not None:
        return S3SigV4QueryAuth
    return S3SigV4Auth if claim.service == "s3" else SigV4Auth
