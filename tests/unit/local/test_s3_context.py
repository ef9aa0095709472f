"""The condition keys of a request to S3."""

from __future__ import annotations

from datetime import UTC, datetime

from local.emulator.s3.context import PLAIN, s3_context
from local.emulator.signatures import Request

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIGNED = ("authorization", "AWS4-HMAC-SHA256 Credential=…")


def request(query: str = "", *headers: tuple[str, str], method: str = "PUT") -> Request:
    return Request(method, "/backup/olist/manifest.json", query, [*headers])


def test_headers_of_a_write_are_keys() -> None:
    found = s3_context(
        request(
            "",
            SIGNED,
            ("if-none-match", "*"),
            ("x-amz-server-side-encryption", "aws:kms"),
            ("x-amz-object-lock-mode", "GOVERNANCE"),
            ("x-amz-object-lock-retain-until-date", "2026-01-31T12:00:00Z"),
        ),
        NOW,
    )
    assert found == {
        "s3:if-none-match": "*",
        "s3:x-amz-server-side-encryption": "aws:kms",
        "s3:object-lock-mode": "GOVERNANCE",
        "s3:object-lock-retain-until-date": "2026-01-31T12:00:00Z",
        "s3:object-lock-remaining-retention-days": "30",
        "s3:signatureversion": "AWS4-HMAC-SHA256",
        "s3:authtype": "REST-HEADER",
        "aws:securetransport": "true",
        "s3:tlsversion": "1.3",
    }


def test_header_that_is_a_parameter_of_a_presigned_address_is_a_key() -> None:
    found = s3_context(request("X-Amz-Signature=0a&x-amz-acl=private&versionId=7", method="GET"), NOW)
    assert (found["s3:x-amz-acl"], found["s3:versionid"]) == ("private", "7")
    assert found["s3:authtype"] == "REST-QUERY-STRING"


def test_list_has_the_keys_of_its_parameters() -> None:
    found = s3_context(request("list-type=2&prefix=olist%2F&max-keys=10", SIGNED, method="GET"), NOW)
    assert (found["s3:prefix"], found["s3:max-keys"]) == ("olist/", "10")


def test_request_without_tls_has_no_version_of_it() -> None:
    found = s3_context(request("", SIGNED), NOW, PLAIN)
    assert found["aws:securetransport"] == "false"
    assert "s3:tlsversion" not in found


def test_date_that_cannot_be_read_has_no_remaining_days() -> None:
    found = s3_context(request("", ("x-amz-object-lock-retain-until-date", "soon")), NOW)
    assert "s3:object-lock-remaining-retention-days" not in found
