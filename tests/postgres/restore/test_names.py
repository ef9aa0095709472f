"""Tables with names of any script and 63 bytes are restored."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Annotated

from dataforge.postgres.roles import LOGINS
from dataforge.tables.columns import Integer, Key, Label, References
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from functions.schema.apply.apply import apply
from tests.postgres.restore.conftest import NEVER_SWAP

if TYPE_CHECKING:
    import pytest

    from tests.postgres.restore.conftest import Vault


class District(Row, table="Wahlkreise §"):
    """A table with a blank and a sign."""

    Schlüssel: Annotated[Label, Key()]  # noqa: PLC2401
    Gültige_Erststimmen_ohne_Überhang_und_Ausgleich__eines_Landes: Integer  # noqa: PLC2401


class Select(Row, table="Select"):
    """A table with the name of a reserved word, and a foreign key whose name is shortened."""

    Order: Annotated[Integer, Key()]
    Wahlkreis_in_dem_die_Stimmen_dieses_Landes_gezählt_wurden_2025: (  # noqa: PLC2401
        Annotated[Label, References("Wahlkreise §")] | None
    ) = None


LONG = "measurements_of_the_stations_along_the_river_in_the_year_"


class Measurement(Row, table=LONG + "2024"):
    """A table whose name differs from the next one's in the 61st byte."""

    number: Annotated[Integer, Key()]
    level: Integer


class LaterMeasurement(Row, table=LONG + "2025"):
    """The next one."""

    number: Annotated[Integer, Key()]
    level: Integer


def test_tables_whose_long_names_differ_at_the_end_are_restored_by_rows(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("river")
    vars(module).update(Measurement=Measurement, LaterMeasurement=LaterMeasurement)
    monkeypatch.setitem(DATASETS, "river", read_dataset(module))
    apply(vault.database.connect("master"), dict.fromkeys(LOGINS, "for the tests"))
    tables = [LONG + "2024", LONG + "2025"]
    vault.database.query(
        "; ".join(f"INSERT INTO river.{t} SELECT n, n FROM generate_series(1, 9) n" for t in tables)
    )
    held = [vault.rows(table, "river") for table in tables]
    vault.backup(*tables, dataset="river")
    # As many rows to remove and to change in both, at other places.
    vault.database.query(
        f"INSERT INTO river.{tables[0]} VALUES (10, 0); INSERT INTO river.{tables[1]} VALUES (10, 0);"
        f"UPDATE river.{tables[0]} SET level = 0 WHERE number = 2; UPDATE river.{tables[1]} SET level = 0 WHERE number = 5"
    )
    vault.restore(NEVER_SWAP, dataset="river", tables=tables).run()
    assert [vault.rows(table, "river") for table in tables] == held
    vault.database.query("DROP SCHEMA river CASCADE")


def test_tables_with_any_names_are_restored(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("Wahl25")
    vars(module).update(District=District, Select=Select)
    monkeypatch.setitem(DATASETS, "Wahl25", read_dataset(module))
    apply(vault.database.connect("master"), dict.fromkeys(LOGINS, "for the tests"))
    vault.database.query(
        """INSERT INTO "Wahl25"."Wahlkreise §" VALUES ('ä', 1), ('ö', 2);
        INSERT INTO "Wahl25"."Select" VALUES (1, 'ä'), (2, NULL)"""
    )
    tables = ["Wahlkreise §", "Select"]
    backup = vault.backup(*tables, dataset="Wahl25")
    vault.database.query(
        """UPDATE "Wahl25"."Wahlkreise §" SET "Schlüssel" = 'x' WHERE "Schlüssel" = 'ö'; DELETE FROM "Wahl25"."Select" """
    )
    output = vault.restore(NEVER_SWAP, dataset="Wahl25", backup=backup.backup_id, tables=tables).run()
    assert {t["table"]: (t["restored"], t["added"]) for t in output["tables"]} == {
        "Wahlkreise §": (2, 1),
        "Select": (2, 2),
    }
    found = vault.database.query('SELECT * FROM "Wahl25"."Wahlkreise §" ORDER BY 2')
    assert found == [("ä", 1), ("ö", 2)]
    vault.database.query('DROP SCHEMA "Wahl25" CASCADE')
