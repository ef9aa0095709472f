"""Migration into a partitioned table that replaces the declared one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.postgres.partitioned import PARTITION

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge


def test_migration_loads_partitioned_table(forge: Forge, make_csv: Callable[..., bytes]) -> None:
    forge.database.query(PARTITION)
    rows = [{"geolocation_state": state, "geolocation_lat": n} for n, state in enumerate(("SP", "RJ", "SP"))]
    forge.put(geolocations=make_csv("geolocations", *rows))
    assert forge.migrate(tables=["geolocations"])["geolocations"]["loaded"] == 3
    assert forge.migrate(tables=["geolocations"])["geolocations"]["unchanged"] == 3
    assert forge.database.query("SELECT count(*) FROM olist.geolocations_sp") == [(2,)]
