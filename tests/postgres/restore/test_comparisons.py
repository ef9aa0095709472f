"""A comparison before the swap is used again only if it still holds; the safety backup has what the restore replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataforge.errors import TargetRejectsRows
from dataforge.postgres import shadow as shadow_tables
from dataforge.postgres.shadow import schema_of
from dataforge.tables.datasets import DATASETS
from dataforge.tables.names import internal_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.postgres.restore.conftest import Restore, Vault

MERGE = 10**9
BOTH_WAYS = pytest.mark.parametrize("attended_seconds", [None, pytest.param(60, marks=pytest.mark.slow)])
"""Whether the step waits while PostgreSQL works alone."""


def write(vault: Vault, run: Restore) -> None:
    vault.insert("sellers", {"seller_id": 77})


def move(vault: Vault, run: Restore) -> None:
    vault.database.query("VACUUM FULL olist.sellers")


def move_shadow(vault: Vault, run: Restore) -> None:
    """Rows that were loaded last become the first."""
    relation = f'"{schema_of(run.id)}".sellers'
    vault.database.query(
        f"CREATE INDEX backwards ON {relation} (seller_id DESC); CLUSTER {relation} USING backwards"
    )


def crash(vault: Vault, run: Restore) -> None:
    """A crash of the server empties unlogged tables."""
    schema = schema_of(run.id)
    vault.database.query(f'TRUNCATE "{schema}"."{internal_name("difference", "sellers")}"')


@pytest.mark.parametrize(
    ("happens", "is_damaged"),
    [(write, False), (move, True), (move_shadow, True), (crash, True)],
    ids=["write", "move", "move_shadow", "crash"],
)
def test_merge_restores_and_preserves_all_rows_if_the_comparison_no_longer_holds(
    vault: Vault, happens: Callable[[Vault, Restore], None], is_damaged: bool
) -> None:
    vault.insert("sellers", *({"seller_id": n} for n in range(1, 60)))
    vault.backup("sellers")
    held = vault.rows("sellers")
    if is_damaged:
        vault.database.query("DELETE FROM olist.sellers WHERE right(seller_id, 2) = '07'")
        vault.database.query("UPDATE olist.sellers SET seller_city = 'x' WHERE right(seller_id, 2) = '08'")
        vault.insert("sellers", {"seller_id": 99})
    run = vault.restore(MERGE, table="sellers").until("switch")
    happens(vault, run)
    replaced = vault.rows("sellers")
    for step in ("switch", "keep", "finish"):
        output = run.take(step)
    assert vault.rows("sellers") == held
    found = [output[name] for name in ("added", "removed", "changed")]
    assert found == ([1, 1, 1] if is_damaged else [0, 1, 0])
    vault.restore(MERGE, undo=run.id).run()
    assert vault.rows("sellers") == replaced


@BOTH_WAYS
def test_table_that_was_not_written_is_not_compared_again(
    vault: Vault, attended_seconds: float | None
) -> None:
    vault.insert("sellers", *({"seller_id": n} for n in range(1, 9)))
    vault.backup("sellers")
    vault.database.query("UPDATE olist.sellers SET seller_city = 'x' WHERE right(seller_id, 1) = '8'")
    run = vault.restore(MERGE, table="sellers")
    run.attended_seconds = attended_seconds
    run.until("switch")
    shadow = f'"{schema_of(run.id)}".sellers'
    # In place of a change that only a second comparison would find.
    vault.database.query(f"UPDATE {shadow} SET seller_city = 'y' WHERE right(seller_id, 1) = '1'")
    identity = vault.database.query("SELECT %s::regclass::oid", shadow)
    for step in ("switch", "keep", "finish"):
        if step == "keep":
            replaced = f'"{schema_of(run.id + shadow_tables.REPLACED)}".sellers'
            assert vault.database.query("SELECT %s::regclass::oid", replaced) == identity
        output = run.take(step)
    assert [output[name] for name in ("added", "removed", "changed")] == [0, 0, 1]


DOUBLE = (
    "ALTER TABLE olist.geolocations DROP CONSTRAINT geolocations_pkey;"
    " INSERT INTO olist.geolocations SELECT * FROM olist.geolocations"
)


@pytest.fixture
def backed_up(vault: Vault) -> Iterator[list[str]]:
    """The rows of a backup of a table that may lose its key."""
    vault.insert("geolocations", {"geolocation_lat": 1}, {"geolocation_lat": 2})
    vault.backup("geolocations")
    yield vault.rows("geolocations")
    key = ", ".join(DATASETS["olist"].table("geolocations").key)
    vault.database.query(
        "TRUNCATE olist.geolocations; DROP INDEX IF EXISTS olist.mine;"
        " ALTER TABLE olist.geolocations DROP CONSTRAINT IF EXISTS geolocations_pkey,"
        f" ADD CONSTRAINT geolocations_pkey PRIMARY KEY ({key})"
    )


@pytest.fixture
def doubled(vault: Vault, backed_up: list[str]) -> list[str]:
    """The rows of a backup of a table that has since lost its key, and has each row twice."""
    vault.database.query(DOUBLE)
    return backed_up


def test_table_without_its_key_and_with_repeated_rows_is_replaced_without_negative_counts(
    vault: Vault, backed_up: list[str]
) -> None:
    vault.database.query(
        "ALTER TABLE olist.geolocations DROP CONSTRAINT geolocations_pkey;"
        " DELETE FROM olist.geolocations WHERE geolocation_lat = 2;"
        " INSERT INTO olist.geolocations SELECT g.* FROM olist.geolocations g, generate_series(1, 2)"
    )
    output = vault.restore(0, table="geolocations").run()
    assert vault.rows("geolocations") == backed_up
    assert min(output[name] for name in ("added", "removed", "changed")) >= 0


def merge(vault: Vault, attended_seconds: float | None) -> Restore:
    """A restore of the table by a merge, if that is possible."""
    run = vault.restore(MERGE, table="geolocations")
    run.attended_seconds = attended_seconds
    return run


@BOTH_WAYS
def test_few_rows_that_share_a_key_are_replaced_with_the_table(
    vault: Vault, doubled: list[str], attended_seconds: float | None
) -> None:
    run = merge(vault, attended_seconds)
    run.run()
    assert vault.rows("geolocations") == doubled


@BOTH_WAYS
def test_rows_that_share_a_key_in_a_table_that_cannot_be_replaced_are_refused(
    vault: Vault, doubled: list[str], attended_seconds: float | None
) -> None:
    vault.database.query("CREATE INDEX mine ON olist.geolocations (geolocation_city)")
    run = merge(vault, attended_seconds)
    with pytest.raises(TargetRejectsRows, match="differs from the backup"):
        run.run()
    assert vault.database.query("SELECT count(*) FROM olist.geolocations") == [(2 * len(doubled),)]


@BOTH_WAYS
def test_key_that_is_dropped_after_the_comparison_leaves_no_copies(
    vault: Vault, backed_up: list[str], attended_seconds: float | None
) -> None:
    vault.database.query("DELETE FROM olist.geolocations WHERE geolocation_lat = 2")
    run = merge(vault, attended_seconds)
    with pytest.raises(TargetRejectsRows, match="differs from the backup"):
        run.run(switch=lambda: vault.database.query(DOUBLE))
    assert vault.database.query("SELECT count(*) FROM olist.geolocations") == [(2,)]


@BOTH_WAYS
def test_rows_that_share_a_key_are_refused_while_an_older_snapshot_prevents_a_swap(
    vault: Vault, doubled: list[str], attended_seconds: float | None
) -> None:
    reader = vault.database.superuser()
    reader.autocommit = False
    reader.cursor().execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM dataforge.restores")
    try:
        run = merge(vault, attended_seconds)
        with pytest.raises(TargetRejectsRows, match="differs from the backup"):
            run.run()
    finally:
        reader.close()
    assert vault.database.query("SELECT count(*) FROM olist.geolocations") == [(2 * len(doubled),)]
