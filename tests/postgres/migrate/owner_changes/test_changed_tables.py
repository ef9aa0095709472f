"""A migration into a table that differs from its declaration is refused before any row is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dataforge.errors import TableChanged, TargetRejectsRows

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

CHANGES = {
    "ALTER TABLE olist.geolocations RENAME geolocation_city TO city": "geolocation_city is missing",
    "ALTER TABLE olist.geolocations ALTER geolocation_lat TYPE real": "geolocation_lat is real, not double precision",
    "ALTER TABLE olist.geolocations SET SCHEMA public": "does not exist",
    "ALTER TABLE olist.geolocations RENAME TO g; CREATE VIEW olist.geolocations AS SELECT * FROM olist.g": "not a table",
    "REVOKE INSERT ON olist.geolocations FROM dataforge_migration_run": "missing: insert",
}


@pytest.mark.parametrize("change", CHANGES)
def test_migration_refuses_altered_table_naming_difference(
    forge: Forge, make_csv: Callable[..., bytes], change: str
) -> None:
    forge.database.query(change)
    forge.put(geolocations=make_csv("geolocations", {}))
    with pytest.raises(TableChanged, match=rf"olist\.geolocations .*{CHANGES[change]}.*dataforge doctor"):
        forge.migrate(tables=["geolocations"])


@pytest.mark.parametrize(
    "addition",
    [
        "ADD more text",
        "SET UNLOGGED",
        "OWNER TO master",
        "ADD more text GENERATED ALWAYS AS (upper(geolocation_city)) STORED",
    ],
)
def test_migration_accepts_columns_and_options_added_by_owner(
    forge: Forge, make_csv: Callable[..., bytes], addition: str
) -> None:
    forge.database.query(f"ALTER TABLE olist.geolocations {addition}")
    forge.put(geolocations=make_csv("geolocations", {}))
    assert forge.migrate(tables=["geolocations"])["geolocations"]["loaded"] == 1


@pytest.mark.parametrize("event", ["INSERT", "UPDATE"])
def test_migration_names_a_rule_on_insert_or_update(
    forge: Forge, make_csv: Callable[..., bytes], event: str
) -> None:
    forge.database.query(f"CREATE RULE mine AS ON {event} TO olist.sellers DO INSTEAD NOTHING")
    forge.put(sellers=make_csv("sellers", {"seller_id": 1}))
    with pytest.raises(TargetRejectsRows, match="rule"):
        forge.migrate(tables=["sellers"])
