"""References and unique constraints: composite, to unique columns, of a table to itself, in a circle, not enforced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest

from dataforge import Integer, Key, Label, References, Row, Unique
from dataforge.errors import TargetRejectsRows
from tests.postgres.migrate.conftest import Forge

Declare = Callable[..., Forge]
MODES = pytest.mark.parametrize("mode", ["swap", "merge"])


class Staff(Row, table="staff", file="staff.csv"):
    staff_id: Annotated[Integer, Key()]
    store_id: Annotated[Integer, References("stores")]
    code: Annotated[Label, Unique()] | None = None
    boss: Annotated[Label, References("staff", to="code")] | None = None


class Store(Row, table="stores", file="stores.csv"):
    store_id: Annotated[Integer, Key()]
    manager_staff_id: Annotated[Integer, References("staff")]


class Team(Row, table="teams", file="teams.csv"):
    season: Annotated[Integer, Key()]
    code: Annotated[Label, Key()]


class Game(
    Row,
    table="games",
    file="games.csv",
    references=(
        References("teams", columns=("season", "home")),
        References("teams", columns=("season", "away"), enforced=False),
    ),
    unique=(("season", "round"),),
):
    game_id: Annotated[Integer, Key()]
    season: Integer
    home: Label | None = None
    away: Label | None = None
    round: Integer | None = None


_LONG = "measurements_of_the_stations_along_the_river_in_the_year_"


class Measurement(Row, table=_LONG + "2024", file="a.csv"):
    number: Annotated[Integer, Key()]
    later: Annotated[Integer, References(_LONG + "2025")] | None = None


class LaterMeasurement(Row, table=_LONG + "2025", file="b.csv", unique=("station",)):
    number: Annotated[Integer, Key()]
    earlier: Annotated[Integer, References(_LONG + "2024")] | None = None
    station: Integer | None = None


def csv(header: str, *rows: str) -> bytes:
    return "\n".join((header, *rows, "")).encode()


def migrated(forge: Forge, mode: str, dataset: str, **files: bytes) -> dict[str, Any]:
    """The tables of the report of a migration; to merge, one of the tables has a row that is removed afterwards."""
    for name, body in files.items():
        forge.s3.put_object(Bucket="raw", Key=f"{dataset}/{name}.csv", Body=body)
    if mode == "merge":
        tables = ", ".join(f"{dataset}.{name}" for name in files)
        forge.database.query(f"CREATE VIEW {dataset}.seen AS SELECT FROM {tables}")
    report = forge.migration({"dataset": dataset, "prefix": f"{dataset}/", "quality_threshold": "0"}).run()
    return {table["table"]: table for table in report["tables"]}


def stored(forge: Forge, table: str, column: str) -> list[Any]:
    return [value for (value,) in forge.database.query(f"SELECT {column} FROM {table} ORDER BY 1")]


@MODES
def test_circle_is_loaded_and_its_constraints_hold(declare: Declare, mode: str) -> None:
    forge = declare("circle", Staff=Staff, Store=Store)
    staff = csv("staff_id,store_id,code,boss", "1,10,a,", "2,10,b,a", "3,20,c,b", "4,20,,c")
    tables = migrated(
        forge, mode, "circle", staff=staff, stores=csv("store_id,manager_staff_id", "10,1", "20,3")
    )
    assert {name: table["loaded"] for name, table in tables.items()} == {"staff": 4, "stores": 2}
    [(count,)] = forge.database.query(
        "SELECT count(*) FROM pg_constraint WHERE connamespace = 'circle'::regnamespace AND contype = 'f'"
        " AND condeferrable AND NOT condeferred AND convalidated"
    )
    assert count == 3


@MODES
def test_rejected_row_of_a_circle_rejects_its_children_around_the_circle(declare: Declare, mode: str) -> None:
    forge = declare("circle", Staff=Staff, Store=Store)
    # Store 30 has no manager, so its staff is rejected, and with it store 40, its staff, and who reports to them.
    staff = csv("staff_id,store_id,code,boss", "1,10,a,", "2,30,b,", "3,40,c,", "4,10,d,c", "5,10,e,a")
    stores = csv("store_id,manager_staff_id", "10,1", "30,99", "40,2")
    tables = migrated(forge, mode, "circle", staff=staff, stores=stores)
    assert stored(forge, "circle.staff", "staff_id") == [1, 5]
    assert stored(forge, "circle.stores", "store_id") == [10]
    assert (tables["staff"]["rejected"], tables["stores"]["rejected"]) == (3, 2)
    assert forge.rejections("table", "line", "codes") == [
        ("staff", 3, "foreign_key"),
        ("staff", 4, "foreign_key"),
        ("staff", 5, "foreign_key"),
        ("stores", 3, "foreign_key"),
        ("stores", 4, "foreign_key"),
    ]


@MODES
def test_child_of_a_row_that_is_a_conflict_is_rejected(declare: Declare, mode: str) -> None:
    forge = declare("circle", Staff=Staff, Store=Store)
    staff = csv("staff_id,store_id,code,boss", "1,10,a,", "1,10,z,", "2,10,b,z")
    migrated(forge, mode, "circle", staff=staff, stores=csv("store_id,manager_staff_id", "10,1"))
    assert stored(forge, "circle.staff", "staff_id") == [1]
    assert forge.rejections("line", "codes") == [(3, "conflict"), (4, "foreign_key")]


@MODES
def test_first_row_with_a_unique_value_is_loaded(declare: Declare, mode: str) -> None:
    forge = declare("league", Team=Team, Game=Game)
    games = csv(
        "game_id,season,home,away,round",
        *("1,2020,a,,1", "2,2020,a,,1", "2,2020,a,,2", "3,2020,a,,", "4,2020,a,,", "5,2020,a,,2"),
    )
    migrated(forge, mode, "league", teams=csv("season,code", "2020,a"), games=games)
    assert stored(forge, "league.games", "game_id") == [1, 2, 3, 4]
    assert forge.rejections("line", "codes") == [(3, "conflict"), (7, "conflict")]
    [(message,), _] = forge.database.query(
        "SELECT errors->0->>'message' FROM dataforge.rejections ORDER BY line"
    )
    assert message == (
        "games_season_round_key: an earlier row of the file is loaded with the same value of (season, round)"
    )


@MODES
def test_row_references_nothing_if_a_column_of_the_reference_is_null(declare: Declare, mode: str) -> None:
    forge = declare("league", Team=Team, Game=Game)
    games = csv("game_id,season,home,away,round", "1,2020,a,,", "2,2021,a,,", "3,2021,,,")
    migrated(forge, mode, "league", teams=csv("season,code", "2020,a"), games=games)
    assert stored(forge, "league.games", "game_id") == [1, 3]
    [(message,)] = forge.database.query("SELECT errors->0->>'message' FROM dataforge.rejections")
    assert message == "games_season_home_fkey: teams has no row with season = 2021, code = a"


def test_unique_value_of_a_stored_row_is_a_conflict_even_if_the_run_changes_that_row(
    declare: Declare,
) -> None:
    forge = declare("league", Team=Team, Game=Game)
    migrated(
        forge,
        "swap",
        "league",
        teams=csv("season,code", "2020,a"),
        games=csv("game_id,season,home,away,round", "1,2020,a,,1", "2,2020,a,,2"),
    )
    games = csv("game_id,season,home,away,round", "1,2020,a,,3", "2,2020,a,,2", "3,2020,a,,1", "4,2020,a,,4")
    forge.s3.put_object(Bucket="raw", Key="league/games.csv", Body=games)
    document = {"dataset": "league", "prefix": "league/", "quality_threshold": "0", "on_conflict": "update"}
    forge.migration(document).run()
    assert forge.database.query("SELECT game_id, round FROM league.games ORDER BY 1") == [
        (1, 3),
        (2, 2),
        (4, 4),
    ]
    assert forge.rejections("line", "codes") == [(4, "conflict")]


def test_row_whose_parent_gets_another_unique_value_in_the_same_run_is_an_orphan(declare: Declare) -> None:
    forge = declare("circle", Staff=Staff, Store=Store)
    stores = csv("store_id,manager_staff_id", "10,1")
    migrated(forge, "swap", "circle", staff=csv("staff_id,store_id,code,boss", "1,10,a,"), stores=stores)
    staff = csv("staff_id,store_id,code,boss", "1,10,z,", "2,10,b,a", "3,10,c,z")
    forge.s3.put_object(Bucket="raw", Key="circle/staff.csv", Body=staff)
    document = {"dataset": "circle", "prefix": "circle/", "quality_threshold": "0", "on_conflict": "update"}
    forge.migration(document).run()
    assert stored(forge, "circle.staff", "staff_id") == [1, 3]
    assert forge.rejections("line", "codes") == [(3, "foreign_key")]


class Country(Row, table="countries", file="countries.csv"):
    country_id: Annotated[Integer, Key()]
    code: Annotated[Label, Unique()]


class City(Row, table="cities", file="cities.csv"):
    city_id: Annotated[Integer, Key()]
    country: Annotated[Label, References("countries", to="code")]


def test_new_row_may_refer_to_the_value_that_its_parent_gets_in_the_same_run(declare: Declare) -> None:
    forge = declare("world", Country=Country, City=City)
    files = {"countries": csv("country_id,code", "1,a", "2,b"), "cities": csv("city_id,country", "1,b")}
    migrated(forge, "swap", "world", **files)
    files = {
        "countries": csv("country_id,code", "1,z", "2,b"),
        "cities": csv("city_id,country", "1,b", "2,z"),
    }
    update(forge, "world", files)
    assert stored(forge, "world.cities", "country") == ["b", "z"]


def test_run_that_takes_the_value_of_a_stored_row_away_is_refused_after_a_few_attempts(
    declare: Declare,
) -> None:
    forge = declare("world", Country=Country, City=City)
    migrated(
        forge,
        "swap",
        "world",
        countries=csv("country_id,code", "1,a"),
        cities=csv("city_id,country", "1,a"),
    )
    with pytest.raises(TargetRejectsRows, match="cities_country_fkey"):
        update(
            forge,
            "world",
            {"countries": csv("country_id,code", "1,z"), "cities": csv("city_id,country", "1,z")},
        )
    assert stored(forge, "world.countries", "code") == ["a"]


def update(forge: Forge, dataset: str, files: dict[str, bytes]) -> None:
    """Migrate files whose rows replace stored rows."""
    for name, body in files.items():
        forge.s3.put_object(Bucket="raw", Key=f"{dataset}/{name}.csv", Body=body)
    document = {
        "dataset": dataset,
        "prefix": f"{dataset}/",
        "quality_threshold": "0",
        "on_conflict": "update",
    }
    forge.migration(document).run()


@MODES
def test_orphans_of_a_reference_that_is_not_enforced_are_counted_and_stored(
    declare: Declare, mode: str
) -> None:
    forge = declare("league", Team=Team, Game=Game)
    games = csv(
        "game_id,season,home,away,round",
        *("1,2020,a,b,", "2,2020,a,x,", "3,2020,a,y,", "4,2020,a,x,", "5,2021,,,", "6,2020,c,z,"),
    )
    tables = migrated(forge, mode, "league", teams=csv("season,code", "2020,a", "2020,b"), games=games)
    assert stored(forge, "league.games", "game_id") == [1, 2, 3, 4, 5]
    assert tables["games"]["rejected"] == 1
    [(migration,)] = forge.database.query("SELECT migration_id FROM dataforge.migrations")
    [orphans] = forge.read_json(f"runs/{migration}/report.json")["tables"][1]["orphans"]
    assert orphans == {
        "columns": ["season", "away"],
        "parent": "teams",
        "parent_columns": ["season", "code"],
        "rows": 3,
        "missing": 2,
        "examples": [{"values": ["2020", "x"], "rows": 2}, {"values": ["2020", "y"], "rows": 1}],
    }
    page = forge.s3.get_object(Bucket="report", Key=f"runs/{migration}/report.html")["Body"].read().decode()
    assert "3 orphans" in page
    assert "2020, x" in page


@MODES
def test_circle_of_tables_with_long_names_is_resolved(declare: Declare, mode: str) -> None:
    forge = declare("river", Measurement=Measurement, LaterMeasurement=LaterMeasurement)
    for file, text in {
        "a": "number,later\n1,1\n1,1\n2,1\n2,2\n3,9\n",
        "b": "number,earlier,station\n1,1,1\n1,1,1\n2,1,2\n2,2,3\n3,9,\n4,,1\n",
    }.items():
        forge.s3.put_object(Bucket="raw", Key=f"river/{file}.csv", Body=text.encode())
    counts = forge.migrate(dataset="river", prefix="river/", quality_threshold="0")
    if mode == "merge":
        counts = forge.migrate(dataset="river", prefix="river/", quality_threshold="0")
    stored = "loaded" if mode == "swap" else "unchanged"
    assert [(t[stored], t["deduplicated"], t["rejected"]) for t in counts.values()] == [(2, 1, 2), (2, 1, 3)]
