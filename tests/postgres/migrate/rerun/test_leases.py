"""One run at a time: leases on tables, their takeover, and the state after a run ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from dataforge.aws.failures import Failure
from dataforge.errors import LeaseLost, QualityTooLow
from dataforge.postgres.roles import LOAD
from dataforge.runs import leases
from dataforge.runs.lifecycle import close_run
from functions.migrate.lifecycle.resume import MIGRATIONS
from functions.migrate.load.load import load_chunk
from functions.migrate.run.work_items import LoadItem

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database
    from tests.postgres.migrate.conftest import Forge, Migration

MakeCsv = Callable[..., bytes]


def held(database: Database) -> dict[str, str]:
    """Table -> execution that has its lease."""
    return dict(database.query('SELECT "table", execution FROM dataforge.leases'))


def shadows(database: Database) -> list[Any]:
    return database.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'shadow%%'")


@pytest.fixture
def first(forge: Forge, make_csv: MakeCsv) -> Migration:
    """A run that has loaded customers and sellers and has their leases."""
    forge.put(customers=make_csv("customers", {}), sellers=make_csv("sellers", {}))
    return forge.migration({"tables": ["customers", "sellers"]}).until("settle")


def test_second_run_on_leased_table_takes_no_lease(forge: Forge, first: Migration) -> None:
    second = forge.migration({"tables": ["geolocations", "sellers"]})
    assert second.begin() == first.execution
    assert held(forge.database) == {"customers": first.execution, "sellers": first.execution}
    assert forge.database.query("SELECT execution FROM dataforge.migrations") == [(first.execution,)]


def test_run_on_other_tables_begins_in_parallel(forge: Forge, first: Migration) -> None:
    assert forge.migration({"tables": ["geolocations"]}).begin() == ""


def test_begin_is_idempotent(forge: Forge, first: Migration) -> None:
    known = first.id
    assert (first.begin(), first.id) == ("", known)
    assert len(forge.database.query("SELECT * FROM dataforge.migrations")) == 1


def test_leases_and_shadows_of_dead_run_are_released(forge: Forge, first: Migration) -> None:
    second = forge.migration({"tables": ["sellers"]})
    assert second.begin(dead=second.begin()) == ""
    assert held(forge.database) == {"sellers": second.execution}
    assert shadows(forge.database) == []
    states = "SELECT execution, status FROM dataforge.migrations"
    assert dict(forge.database.query(states)) == {first.execution: "stopped", second.execution: "running"}


def test_run_without_lease_publishes_nothing(forge: Forge, first: Migration) -> None:
    first.settle()
    first.reconcile()
    forge.migration({"tables": ["sellers"]}).begin(dead=first.execution)
    with pytest.raises(LeaseLost, match="customers, sellers"):
        first.publish()
    assert forge.rows("customers") == []


def test_worker_of_closed_run_stores_nothing(forge: Forge, make_csv: MakeCsv) -> None:
    forge.put(customers=make_csv("customers", {}, {"customer_id": "bad"}))
    run = forge.migration({"tables": ["customers"]}).until("load")
    close_run(run.control, MIGRATIONS, run.execution, "aborted")
    with pytest.raises((psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName)):
        load_chunk(run.worker, forge.s3, run.settings, LoadItem.model_validate(run.items["load"][0]))
    assert forge.rejections("raw") == []


def test_close_is_idempotent_and_accepts_unknown_execution(forge: Forge, first: Migration) -> None:
    assert (
        close_run(first.control, MIGRATIONS, first.execution, "aborted", Failure("ABORTED", "stopped"))
        == first.id
    )
    assert close_run(first.control, MIGRATIONS, first.execution, "failed") == first.id
    assert close_run(first.control, MIGRATIONS, "arn:unknown", "failed") is None
    assert held(forge.database) == {}
    row = "SELECT status, error, cause, finished_at IS NOT NULL FROM dataforge.migrations"
    assert forge.database.query(row) == [("aborted", "ABORTED", "stopped", True)]


def test_close_after_publication_does_not_change_published_run(forge: Forge, first: Migration) -> None:
    for step in ("settle", "reconcile", "publish"):
        first.take(step)
    close_run(first.control, MIGRATIONS, first.execution, "failed")
    assert forge.database.query("SELECT status FROM dataforge.migrations") == [("published",)]
    assert len(forge.rows("customers")) == 1


def test_published_run_has_no_lease(forge: Forge, first: Migration) -> None:
    for step in ("settle", "reconcile", "publish"):
        first.take(step)
    assert held(forge.database) == {}
    assert shadows(forge.database) == []
    assert forge.migrate(tables=["customers"])["customers"]["unchanged"] == 1


def test_run_below_threshold_changes_no_table_and_stores_rejections(forge: Forge, make_csv: MakeCsv) -> None:
    good = [{"seller_id": n} for n in range(1, 100)]
    forge.put(
        sellers=make_csv("sellers", *good), customers=make_csv("customers", {}, {"customer_state": "X"})
    )
    before = forge.database.query(
        "SELECT oid FROM pg_class WHERE relnamespace = 'olist'::regnamespace ORDER BY 1"
    )
    run = forge.migration({"tables": ["customers", "sellers"]})
    with pytest.raises(QualityTooLow) as raised:
        run.run()
    assert "customers 0.500000 (1 of 2 rows rejected)" in str(raised.value)
    assert "sellers" not in str(raised.value)
    place = "olist/olist_customers_dataset.csv line 3"
    assert f"string_pattern_mismatch in column customer_state (1 row), first in {place}." in str(raised.value)
    assert forge.rows("customers") == forge.rows("sellers") == []
    relations = "SELECT oid FROM pg_class WHERE relnamespace = 'olist'::regnamespace ORDER BY 1"
    assert forge.database.query(relations) == before
    assert (held(forge.database), shadows(forge.database)) == ({}, [])
    assert forge.rejections("line", "codes") == [(3, "string_pattern_mismatch")]
    report = f"runs/{run.id}/report.json"
    assert run.failure["error"] == "QualityTooLow"
    assert run.failure["cause"].endswith(f"Report: s3://report/{report}")
    assert forge.read_json(report)["status"] == "failed"


@pytest.mark.parametrize(("threshold", "published"), [("0.99", True), ("0.990001", False)])
def test_quality_equal_to_threshold_is_published(
    forge: Forge, make_csv: MakeCsv, threshold: str, published: bool
) -> None:
    rows = [{"seller_id": n} for n in range(1, 100)] + [{"seller_id": "x"}]
    forge.put(sellers=make_csv("sellers", *rows))
    run = forge.migration({"tables": ["sellers"], "quality_threshold": threshold})
    if published:
        assert run.run()["quality"] == 0.99
    else:
        with pytest.raises(QualityTooLow):
            run.run()
    assert len(forge.rows("sellers")) == (99 if published else 0)


class Raced(psycopg2.extensions.cursor):
    """A cursor after whose first statement another session releases its leases."""

    rival: Connection | None = None

    def execute(self, *statement: Any) -> None:
        super().execute(*statement)
        rival, self.rival = self.rival, None
        if rival is not None:
            with rival.cursor() as cursor:
                leases.release(cursor, leases.WRITE, "rival")


def test_lease_released_during_request_is_taken(database: Database) -> None:
    rival = database.superuser()
    with rival.cursor() as cursor:
        assert leases.take(cursor, leases.WRITE, "rival", "olist", ["orders"]) == ""
    mine = database.superuser()
    mine.autocommit = False
    with mine.cursor(cursor_factory=Raced) as cursor:
        cursor.rival = rival
        assert leases.take(cursor, leases.WRITE, "mine", "olist", ["orders"]) == ""


def test_load_role_has_no_access_to_leases(database: Database) -> None:
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        leases.release(database.connect(LOAD).cursor(), leases.WRITE, "anyone")
