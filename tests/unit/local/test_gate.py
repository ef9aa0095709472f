"""The entrance of the emulator: what it lets in, and what web pages and other users of the machine get."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from local.emulator import signatures
from local.emulator.gate import Answer, Gate, Refusal
from local.emulator.signatures import Credential, Refused, Request, verify

HOST = "127.0.0.1:4566"
SECRET = "only-the-owner-can-read-it"
API = "/_aws/execute-api/a1b2c3d4/v1/v1/health"
CALLBACK = "/_ministack/cfn-response/00000000-0000-4000-8000-000000000000"
SIGNERS = {"s3": S3SigV4Auth, "lambda": SigV4Auth}
Headers = dict[str, str]


def find(key: str, token: str) -> Credential:
    if (key, token) not in {("owner", ""), ("role", "token")}:
        raise Refused("UnrecognizedClientException", "unknown")
    return Credential(SECRET, f"arn:aws:iam::000000000000:{key}", key)


def authorize(request: Request, _body: bytes, credential: Credential) -> Callable[[], Answer | None]:
    """Only the owner may delete; a role does not learn which objects exist."""
    if request.method == "DELETE" and credential.key != "owner":
        raise Refusal((403, {}, b"AccessDenied"))
    return lambda: None if credential.key == "owner" else (403, {}, b"AccessDenied")


def signed(
    method: str = "GET",
    path: str = "/raw/file.csv",
    *,
    service: str = "s3",
    secret: str = SECRET,
    key: str = "owner",
    token: str | None = None,
    body: bytes = b"",
    headers: Headers | None = None,
    signer: type[SigV4Auth] | None = None,
) -> tuple[str, str, Headers]:
    """The method, address and headers of a request that botocore signs, by default with the service's signer."""
    request = AWSRequest(method, f"http://{HOST}{path}", headers=headers or {}, data=body)
    sign = signer or SIGNERS[service]
    sign(Credentials(key, secret, token), service, "eu-west-1").add_auth(request)
    return method, path, {"Host": HOST, **dict(request.headers.items())}


def presigned(path: str = "/raw/file.csv", expires: int = 60, secret: str = SECRET) -> str:
    request = AWSRequest("GET", f"http://{HOST}{path}")
    S3SigV4QueryAuth(Credentials("owner", secret), "s3", "eu-west-1", expires).add_auth(request)
    return str(request.url).removeprefix(f"http://{HOST}")


def call(
    method: str, address: str, headers: Headers, body: bytes = b"", kind: str = "http"
) -> tuple[int, Headers, bytes]:
    """Status, headers and body of the answer of an emulator behind the gate."""
    sent: list[dict[str, Any]] = []

    async def emulator(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        received = (await receive())["body"] + (await receive())["body"]
        cors = [(b"Access-Control-Allow-Origin", b"*"), (b"etag", b"1")]
        status = 404 if scope["path"].endswith("/missing") else 200
        await send({"type": "http.response.start", "status": status, "headers": cors})
        await send({"type": "http.response.body", "body": b"emulator:" + received})

    def refuse(_request: Request, error: Refused) -> tuple[int, Headers, bytes]:
        return 403, {}, error.code.encode()

    messages = iter([{"body": body[:3], "more_body": True}, {"body": body[3:], "more_body": False}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    parts = urlsplit(address)
    scope = {
        "type": kind,
        "method": method,
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(Gate(emulator, (HOST, "localhost:4566"), find, refuse, authorize)(scope, receive, send))
    if kind == "websocket":
        return sent[0]["code"], {}, b""
    answered = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, sent[1]["body"]


@pytest.mark.parametrize("service", ["s3", "lambda"])
@pytest.mark.parametrize(("key", "token"), [("owner", None), ("role", "token")])
def test_signed_request_reaches_the_emulator_with_its_body_and_without_cors_headers(
    service: str, key: str, token: str | None
) -> None:
    body = b'{"a": 1}'
    request = signed(
        "POST", "/2015-03-31/functions?x=a%20b&list", service=service, body=body, key=key, token=token
    )
    assert call(*request, body) == (200, {"etag": "1"}, b"emulator:" + body)


def test_presigned_address_reaches_the_emulator() -> None:
    assert call("GET", presigned(), {"host": HOST})[0] == 200


def test_request_that_the_policies_do_not_allow_does_not_reach_the_emulator() -> None:
    assert call(*signed("DELETE"))[0] == 200
    assert call(*signed("DELETE", key="role", token="token")) == (
        403,
        {"content-length": "12"},
        b"AccessDenied",
    )


def test_missing_object_is_an_object_without_access_for_a_caller_who_may_not_list() -> None:
    assert call(*signed(path="/raw/missing"))[0] == 404
    assert call(*signed(path="/raw/missing", key="role", token="token"))[::2] == (403, b"AccessDenied")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (lambda: ("GET", "/", {"host": HOST}), "MissingAuthenticationToken"),
        (lambda: ("GET", "/_ministack/health", {"host": HOST}), "MissingAuthenticationToken"),
        (lambda: ("POST", "/_ministack/reset", {"host": HOST}), "MissingAuthenticationToken"),
        (lambda: ("POST", CALLBACK, {"host": HOST}), "MissingAuthenticationToken"),
        (lambda: ("OPTIONS", "/raw/file.csv", {"host": HOST}), "MissingAuthenticationToken"),
        (lambda: ("POST", "/_aws/execute-api//", {"host": HOST}), "MissingAuthenticationToken"),
        (
            lambda: ("POST", "/_aws/execute-api/a/v1/@connections/1", {"host": HOST}),
            "MissingAuthenticationToken",
        ),
        (lambda: ("GET", "/", {"host": HOST, "authorization": "Basic dGVzdDp0ZXN0"}), "IncompleteSignature"),
        (lambda: signed(secret="test"), "SignatureDoesNotMatch"),
        (lambda: signed(key="test", secret="test"), "UnrecognizedClientException"),
        (lambda: signed(key="000000000000", secret="test"), "UnrecognizedClientException"),
        (lambda: signed(key="role", token="another"), "UnrecognizedClientException"),
        (lambda: ("DELETE", *signed()[1:]), "SignatureDoesNotMatch"),
        (lambda: ("GET", "/other/file.csv", signed()[2]), "SignatureDoesNotMatch"),
        (
            lambda: ("GET", "/raw/file.csv", signed()[2] | {"x-amz-acl": "public-read"}),
            "SignatureDoesNotMatch",
        ),
        (lambda: ("GET", presigned(secret="test"), {"host": HOST}), "SignatureDoesNotMatch"),
        (lambda: ("PUT", presigned(), {"host": HOST}), "SignatureDoesNotMatch"),
        (lambda: ("GET", presigned(), {"host": "localhost:4566"}), "SignatureDoesNotMatch"),
        (lambda: ("GET", presigned() + "&versionId=1", {"host": HOST}), "SignatureDoesNotMatch"),
        (
            lambda: ("GET", presigned(expires=8 * 24 * 3600), {"host": HOST}),
            "AuthorizationQueryParametersError",
        ),
        (lambda: ("GET", presigned(), signed()[2]), "InvalidArgument"),
    ],
)
def test_request_without_a_valid_signature_is_refused(
    request_: Callable[[], tuple[str, str, Headers]], code: str
) -> None:
    # Signed when the test runs, which may be minutes after its parameters were collected.
    status, headers, body = call(*request_())
    assert (status, body) == (403, code.encode())
    assert "access-control-allow-origin" not in headers


def test_changed_body_is_refused() -> None:
    request = signed("POST", "/2015-03-31/functions", service="lambda", body=b"{}")
    assert call(*request, b"[]")[2] == b"SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("stated", "sent", "code"),
    [
        (hashlib.sha256(b"content").hexdigest(), b"content", b"emulator:content"),
        (hashlib.sha256(b"content").hexdigest(), b"changed", b"XAmzContentSHA256Mismatch"),
        (hashlib.sha256(b"content").hexdigest(), b"", b"XAmzContentSHA256Mismatch"),
        (None, b"content", b"InvalidRequest"),
        ("UNSIGNED-PAYLOAD", b"changed", b"emulator:changed"),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", b"changed", b"emulator:changed"),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", b"content", b"NotImplemented"),
        ("sha256", b"content", b"InvalidArgument"),
    ],
)
def test_body_of_an_object_has_the_hash_that_its_signature_states(
    stated: str | None, sent: bytes, code: bytes
) -> None:
    # The signer of S3 computes the header itself.
    headers = {"X-Amz-Content-SHA256": stated} if stated else {}
    request = signed("PUT", body=b"content", headers=headers, signer=SigV4Auth)
    assert call(*request, sent)[2] == code


@pytest.mark.parametrize(
    ("late", "code"),
    [(timedelta(minutes=16), "RequestTimeTooSkewed"), (-timedelta(minutes=16), "RequestTimeTooSkewed")],
)
def test_signature_of_another_time_is_refused(late: timedelta, code: str) -> None:
    method, path, headers = signed()
    request = Request(method, path, "", [(name.lower(), value) for name, value in headers.items()])
    now = datetime.now(UTC)
    assert verify(request, b"", find, now).principal.endswith(":owner")
    with pytest.raises(Refused) as caught:
        verify(request, b"", find, now + late)
    assert caught.value.code == code


def test_presigned_address_expires() -> None:
    path, _, query = presigned(expires=60).partition("?")
    request, now = Request("GET", path, query, [("host", HOST)]), datetime.now(UTC)
    verify(request, b"", find, now + timedelta(seconds=58))
    with pytest.raises(Refused, match="expired") as caught:
        verify(request, b"", find, now + timedelta(seconds=62))
    assert caught.value.code == "RequestExpired"
    with pytest.raises(Refused, match="not yet valid") as early:
        verify(request, b"", find, now - timedelta(minutes=16))
    assert early.value.code == "AccessDenied"


@pytest.mark.parametrize("address", [API, CALLBACK])
def test_api_and_callbacks_of_stacks_need_no_signature(address: str) -> None:
    status, headers, _ = call("PUT", address, {"host": HOST})
    assert status == 200
    assert ("access-control-allow-origin" in headers) is (address == API)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "rebound.example:4566"},
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:4566.rebound.example"},
        {},
        {"host": HOST, "origin": "https://page.example"},
        {"host": HOST, "origin": "null"},
        {"host": HOST, "origin": "http://127.0.0.1:8000"},
        {"host": HOST, "origin": "http://localhost:4566"},
        {"host": HOST, "sec-fetch-site": "cross-site"},
        {"host": HOST, "sec-fetch-site": "same-site"},
    ],
)
def test_page_of_another_origin_is_refused_even_with_a_signature_or_a_key(headers: Headers) -> None:
    kept = {name: value for name, value in signed()[2].items() if name != "Host"}
    for address in ("/raw/file.csv", API, CALLBACK):
        status, answered, body = call("PUT", address, kept | headers)
        assert (status, b"Refused" in body) == (403, True)
        assert "access-control-allow-origin" not in answered


@pytest.mark.parametrize(
    "headers",
    [
        {"host": HOST, "origin": f"http://{HOST}", "sec-fetch-site": "same-origin"},
        {"host": "LOCALHOST:4566", "origin": "http://localhost:4566"},
        {"host": HOST, "sec-fetch-site": "none"},
    ],
)
def test_page_of_the_api_may_call_it(headers: Headers) -> None:
    assert call("GET", API, headers)[0] == 200


def test_web_socket_is_refused() -> None:
    assert call("GET", API, {"host": HOST}, kind="websocket")[0] == 1008


TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=25)
@given(
    service=st.sampled_from(sorted(SIGNERS)),
    path=TEXTS,
    query=st.lists(st.tuples(TEXTS, TEXTS), max_size=3),
    body=st.binary(max_size=20),
    meta=st.text("ab c", max_size=9),
)
def test_request_that_botocore_signed_is_accepted_with_its_secret_only(
    service: str, path: str, query: list[tuple[str, str]], body: bytes, meta: str
) -> None:
    encoded = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    address = f"/{quote(path, safe='/')}?{encoded}"
    method, _, headers = signed("PUT", address, service=service, body=body, headers={"x-amz-meta": meta})
    sent = [(name.lower(), value) for name, value in headers.items()]
    request = Request(method, address.partition("?")[0], encoded, sent)
    assert verify(request, body, find).secret == SECRET
    with pytest.raises(Refused):
        verify(request, body, lambda *_: signatures.Credential(f"{SECRET}.", "another"))
