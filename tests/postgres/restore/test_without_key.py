"""Restoring tables without a key: differences are those of multisets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.postgres.bags import declare_bags
from tests.postgres.restore.conftest import ALWAYS_SWAP, NEVER_SWAP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres.restore.conftest import Vault

TABLES = ["sightings", "remarks"]
CHANGES = ("restored", "added", "removed", "changed")


@pytest.fixture
def bags(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    """A database with the dataset ``bags`` and the rows of a backup."""
    declare_bags(vault.database, monkeypatch)
    vault.database.query(
        "INSERT INTO bags.birds VALUES ('owl');"
        "INSERT INTO bags.sightings (bird, number, weight) VALUES ('owl', 1, 0), ('owl', 1, 0), (NULL, NULL, NULL),"
        " (NULL, NULL, NULL), (NULL, NULL, NULL), (NULL, 2, '-0');"
        "INSERT INTO bags.remarks VALUES (NULL, 0, NULL), (NULL, NULL, 'a'), ('owl', NULL, 'b')"
    )
    yield vault
    vault.database.query("DROP SCHEMA bags CASCADE")


@pytest.mark.parametrize("swap_rows", [ALWAYS_SWAP, NEVER_SWAP], ids=["swap", "merge"])
def test_restored_and_undone_tables_have_exactly_the_copies_of_the_backup(
    bags: Vault, swap_rows: int
) -> None:
    held = [bags.rows(name, "bags") for name in TABLES]
    backup = bags.backup(*TABLES, dataset="bags")
    bags.database.query(
        "DELETE FROM bags.sightings WHERE ctid IN (SELECT max(ctid) FROM bags.sightings WHERE number IS NULL);"
        "UPDATE bags.sightings SET weight = 0 WHERE number = 2;"
        "INSERT INTO bags.sightings (bird, number, weight) VALUES ('owl', 1, 0), ('owl', 9, NULL);"
        "UPDATE bags.remarks SET weight = '-0' WHERE weight = 0; DELETE FROM bags.remarks WHERE note = 'a';"
        "INSERT INTO bags.remarks VALUES (NULL, NULL, 'z')"
    )
    replaced = [bags.rows(name, "bags") for name in TABLES]
    found = {}
    for dry_run in (True, False):
        output = bags.restore(
            swap_rows, dataset="bags", backup=backup.backup_id, tables=TABLES, dry_run=dry_run
        ).run()
        found[dry_run] = {t["table"]: tuple(t[name] for name in CHANGES) for t in output["tables"]}
    assert found[True] == found[False]
    assert found[False]["sightings"] == (6, 2, 3, 0)
    assert found[False]["remarks"] == (3, 1, 1, 1)
    assert [bags.rows(name, "bags") for name in TABLES] == held
    undone = bags.restore(swap_rows, dataset="bags", undo=output["safety_backup"], tables=TABLES).run()
    assert {t["table"]: t["added"] + t["removed"] for t in undone["tables"]}["sightings"] == 5
    assert [bags.rows(name, "bags") for name in TABLES] == replaced
    assert bags.leftovers() == []
    indexes = (
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'bags' AND indexname LIKE '%%row%%' ORDER BY 1"
    )
    assert bags.database.query(indexes) == [("remarks_row_key",), ("sightings_row_copies",)]


@pytest.mark.parametrize("swap_rows", [ALWAYS_SWAP, NEVER_SWAP], ids=["swap", "merge"])
def test_sequence_continues_after_restored_and_replaced_identities(bags: Vault, swap_rows: int) -> None:
    insert = "INSERT INTO bags.ringings (bird) VALUES ('owl') RETURNING ring"
    bags.database.query("INSERT INTO bags.ringings VALUES (5, 'owl'), (90, 'owl')")
    backup = bags.backup("ringings", dataset="bags")
    bags.database.query("DELETE FROM bags.ringings")
    assert bags.database.query(insert) == [(1,)]
    bags.restore(swap_rows, dataset="bags", backup=backup.backup_id, table="ringings").run()
    assert bags.rows("ringings", "bags") == ["(5,owl)", "(90,owl)"]
    assert bags.database.query(insert) == [(91,)]
    bags.database.query("SELECT nextval('bags.ringings_ring_seq') FROM generate_series(1, 9)")
    bags.restore(swap_rows, dataset="bags", backup=backup.backup_id, table="ringings").run()
    assert bags.database.query(insert) == [(101,)]
    grants = "SELECT has_sequence_privilege(%s, 'bags.ringings_ring_seq', 'USAGE')"
    roles = ("dataforge_ingest", "dataforge_load", "dataforge_deliver", "dataforge_analyst")
    assert [bags.database.query(grants, role)[0][0] for role in roles] == [True, False, False, False]
    assert bags.leftovers() == []
