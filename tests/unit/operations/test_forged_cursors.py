"""No forged cursor of a page of backups or of an export's files causes a 500, and none is accepted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataforge.errors import InvalidRequest
from dataforge.http.cursors import KEY_BYTES, make_cursor
from dataforge.runs import exports
from dataforge.runs.exports import Export, ExportFile
from dataforge.runs.ids import new_id
from functions.operations import cursor_keys, downloads
from functions.operations.cursor_keys import PERIOD, BucketKeys
from tests.forged_cursors import POSITION, forged, signed

if TYPE_CHECKING:
    from tests.unit.operations.conftest import Answer, Cloud

Call = Callable[..., "Answer"]
BACKUPS: list[Any] = ["backups", None]
NOW = datetime(2026, 11, 28, tzinfo=UTC)


def keys(cloud: Cloud, at: datetime | None = None) -> BucketKeys:
    return BucketKeys(cloud.s3, "report", at or datetime.now(UTC))


@pytest.fixture
def export(cloud: Cloud, call: Call) -> str:
    """The path of a finished export with more than a page of files."""
    run: str = call("POST", "/v1/exports", {"table": "orders"}, key="reader." + "x" * 48).document["id"]
    files = tuple(
        ExportFile(bucket="report", key=f"exports/{run}/{n}.parquet", rows=1, size=1, sha256="0" * 64)
        for n in range(501)
    )
    exports.write(
        cloud.s3,
        "report",
        Export(
            export_id=run,
            dataset="olist",
            table="orders",
            format="parquet",
            created_at="2026-11-25T20:00:00+00:00",
            rows=501,
            content_hash="ab",
            row_hash="dataforge-row-1",
            columns=(),
            backup_id=None,
            files=files,
        ),
    )
    return run


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_forged_cursor_of_backups_is_400(cloud: Cloud, call: Call, data: st.DataObject) -> None:
    known = keys(cloud)
    run = new_id(NOW, "0" * 32)
    genuine = [make_cursor(known, BACKUPS, [run, "olist"]), make_cursor(known, ["export", run], 500)]
    cursor = data.draw(forged(genuine, BACKUPS))
    answer = call("GET", "/v1/backups", query={"cursor": cursor})
    assert answer.status == (200 if cursor == genuine[0] else 400), answer.document


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=POSITION | st.lists(st.text(max_size=5), max_size=3))
def test_signed_position_of_another_version_of_backups_is_400(
    cloud: Cloud, call: Call, position: Any
) -> None:
    cursor = signed(*keys(cloud).newest(), BACKUPS, position)
    answer = call("GET", "/v1/backups", query={"cursor": cursor})
    texts = isinstance(position, list) and all(isinstance(item, str) for item in position)
    assert answer.status in ({200, 400} if texts and len(position) == 2 else {400}), answer.document


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=POSITION)
def test_signed_position_of_another_version_of_an_export_is_400(
    cloud: Cloud, export: str, position: Any
) -> None:
    known = keys(cloud)
    number = isinstance(position, int) and not isinstance(position, bool) and position >= 0
    cursor = signed(*known.newest(), ["export", export], position)
    if number:
        assert downloads.describe_export(cloud.s3, "report", known, export, cursor)
    else:
        with pytest.raises(InvalidRequest):
            downloads.describe_export(cloud.s3, "report", known, export, cursor)


def test_key_signs_for_a_period_and_is_valid_for_one_more(cloud: Cloud) -> None:
    number, key = keys(cloud, NOW).newest()
    assert len(key) == KEY_BYTES
    assert keys(cloud, NOW).newest() == (number, key)
    later = keys(cloud, NOW + PERIOD)
    assert later.newest()[0] == number + 1
    assert later.newest()[1] != key
    assert later.find(number) == key
    assert keys(cloud, NOW + 2 * PERIOD).find(number) is None
    assert keys(cloud, NOW - timedelta(days=15)).find(number) is None


def test_concurrent_processes_have_one_key(cloud: Cloud) -> None:
    at = NOW + 100 * PERIOD
    number, key = keys(cloud, at).newest()
    cursor_keys._known.clear()
    assert keys(cloud, at)._create(number) == key
    cursor_keys._known.clear()
    assert keys(cloud, at).newest() == (number, key)
