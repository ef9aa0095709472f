"""The root certificates with which functions verify RDS."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import dataforge

BUNDLE = Path(dataforge.__file__).parent / "certs" / "rds-global-bundle.pem"
REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "sa-east-1", "ap-southeast-2")


@pytest.fixture(scope="module")
def roots() -> dict[str, datetime]:
    """Common name and end of each certificate, as read by OpenSSL, which libpq uses."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=BUNDLE)
    return {_common_name(root): _end(root) for root in context.get_ca_certs()}


def _common_name(certificate: dict[str, Any]) -> str:
    names = {key: value for part in certificate["subject"] for key, value in part}
    return str(names["commonName"])


def _end(certificate: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)


@pytest.mark.parametrize("region", REGIONS)
def test_file_contains_the_root_of_the_instances_certificate(roots: dict[str, datetime], region: str) -> None:
    assert f"Amazon RDS {region} Root CA RSA2048 G1" in roots


def test_no_root_expires_before_2050(roots: dict[str, datetime]) -> None:
    assert [name for name, end in roots.items() if end < datetime(2050, 1, 1, tzinfo=UTC)] == []


def test_every_certificate_of_the_file_was_read(roots: dict[str, datetime]) -> None:
    assert len(roots) == BUNDLE.read_text().count("BEGIN CERTIFICATE") > 80
    assert all(name.startswith("Amazon RDS ") for name in roots)
