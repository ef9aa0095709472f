"""The schema function stores the limits of API keys for ``dataforge keys``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dataforge.errors import InvalidInput, UnknownDataset, UnknownTable
from dataforge.postgres.roles import DELIVER, INGEST, LOAD
from dataforge.s3.keys import key_limits_key
from functions.schema.audit import Applicant
from functions.schema.key_limits import Change, change_limits, copy_limits, read_change

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

APPLICANT = Applicant(principal="request-1", requested_by="arn:ana")
AUDITED = (
    "SELECT result, principal_kind, principal, requested_by, object->>'key_id', object->>'what'"
    " FROM dataforge.audit WHERE operation = 'api_key' ORDER BY id"
)
LIMITS: dict[str, Any] = {"datasets": {"olist": ["orders"], "quotes": None}, "expires": "2999-01-31"}


def change(key_id: str, limits: Any) -> Change:
    return read_change({"key_id": key_id, "what": "limit", "limits": limits})


def test_limits_are_set_replaced_listed_and_deleted(database: Database) -> None:
    master = database.connect("master")
    assert change_limits(master, None, APPLICANT) == []
    (stored,) = change_limits(master, change("a1", LIMITS), APPLICANT)
    assert (stored["key_id"], stored["limits"]) == ("a1", LIMITS)
    (stored,) = change_limits(master, change("a1", {"expires": "2999-02-28"}), APPLICANT)
    assert stored["limits"] == {"datasets": None, "expires": "2999-02-28"}
    json.dumps(stored)
    change_limits(master, change("b2", LIMITS), APPLICANT)
    assert [found["key_id"] for found in change_limits(master, None, APPLICANT)] == ["a1", "b2"]
    assert change_limits(master, change("a1", None), APPLICANT)[0]["key_id"] == "b2"


def test_change_of_a_key_is_audited(database: Database) -> None:
    master = database.connect("master")
    change_limits(master, None, APPLICANT)
    for what, limits in (("create", LIMITS), ("delete", None)):
        change_limits(master, read_change({"key_id": "a1", "what": what, "limits": limits}), APPLICANT)
    assert database.query(AUDITED) == [
        ("succeeded", "invocation", "request-1", "arn:ana", "a1", what) for what in ("create", "delete")
    ]


@pytest.mark.parametrize("role", [INGEST, DELIVER])
def test_functions_of_the_api_read_limits_and_cannot_change_them(database: Database, role: str) -> None:
    change_limits(
        database.connect("master"),
        read_change({"key_id": "a1", "what": "limit", "limits": LIMITS}),
        APPLICANT,
    )
    with database.connect(role) as db, db.cursor() as cursor:
        cursor.execute("SELECT key_id FROM dataforge.key_limits")
        assert cursor.fetchall() == [("a1",)]
        cursor.execute(
            "SELECT has_table_privilege('dataforge.key_limits', 'INSERT, UPDATE, DELETE, TRUNCATE'),"
            " has_table_privilege(%s, 'dataforge.key_limits', 'SELECT')",
            (LOAD,),
        )
        assert cursor.fetchall() == [(False, False)]


@pytest.mark.parametrize(
    ("document", "error", "words"),
    [
        ({"key_id": "a1", "what": "limit", "limits": {"datasets": {"none": None}}}, UnknownDataset, "none"),
        (
            {"key_id": "a1", "what": "limit", "limits": {"datasets": {"olist": ["none"]}}},
            UnknownTable,
            "none",
        ),
        ({"key_id": "a1", "what": "limit", "limits": {"rows": 5}}, InvalidInput, "limits.rows"),
        ({"key_id": "a1", "what": "limit", "limits": {"expires": "soon"}}, InvalidInput, "limits.expires"),
        ({"key_id": "../a", "what": "limit", "limits": None}, InvalidInput, "key_id"),
        ({"key_id": "a1", "what": "limit"}, InvalidInput, "limits"),
        ("a1", InvalidInput, "not valid"),
    ],
)
def test_invalid_limits_are_refused_with_an_error_that_names_them(
    document: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        read_change(document)


def test_report_bucket_has_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="report")
        copy_limits(s3, "report", change("a1", LIMITS))
        body = s3.get_object(Bucket="report", Key=key_limits_key("a1"))["Body"].read()
        assert json.loads(body) == LIMITS
        copy_limits(s3, "report", change("a1", None))
        assert "Contents" not in s3.list_objects_v2(Bucket="report")
