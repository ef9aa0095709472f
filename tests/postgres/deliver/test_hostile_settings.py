"""Delivery does not depend on the settings of the database and its roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.postgres.hostile import hostile_settings

if TYPE_CHECKING:
    from tests.postgres.conftest import Database
    from tests.postgres.deliver.conftest import Api

FILL = """
    INSERT INTO olist.geolocations VALUES ('01037', 0.1, 1e-300, 'são 🎉 \\ "x"', 'SP');
    INSERT INTO olist.customers VALUES (md5('1'), md5('2'), '01037', 'rio', 'RJ');
    INSERT INTO olist.orders VALUES (md5('1'), md5('1'), 'created', '2018-02-01 10:00', NULL, NULL, NULL, '2018-03-01');
"""


def test_pages_and_descriptions_are_the_same_under_hostile_settings(api: Api, delivered: Database) -> None:
    delivered.query(FILL)

    def read() -> list[bytes]:
        pages = [api.records(name).body for name in ("geolocations", "orders")]
        return [
            *pages,
            api.get("tables").body,
            api.records("geolocations", "geolocation_city=like.*🎉*").body,
        ]

    before = read()
    with hostile_settings(delivered):
        assert read() == before
    assert "🎉".encode() in before[0]
