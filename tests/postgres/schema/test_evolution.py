"""Changes of tables with rows: renames, declared drops, narrowed types, defaults."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest

from dataforge import BigInt, Count, Integer, Key, Label, References, Renamed, Row, SmallInt, Text, VarChar
from dataforge.errors import SchemaRefused
from dataforge.postgres.roles import LOGINS, OWNER
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from functions.schema.apply.apply import apply
from functions.schema.difference import expected_dataset, shapes
from functions.schema.doctor.doctor import examine, list_own

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

TO_DISTANCES = References("distances", columns=("start", "end"))
PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, "for the tests")


class Team(Row, table="teams"):
    code: Annotated[Label, Key()]


class Game(Row, table="games"):
    game: Annotated[Integer, Key()]
    home: Annotated[Label, References("teams")]
    points: Count
    kind: Literal["cup", "league"] | None = None


class Match(Row, table="matches", renamed="games"):
    match: Annotated[Integer, Key(), Renamed("game")]
    host: Annotated[Label, References("teams"), Renamed("home")]
    score: Annotated[Count, Renamed("points")]
    kind: Literal["cup", "league"] | None = None


def dataset(*models: type[Row], removed: tuple[str, ...] = ()) -> Dataset:
    module = ModuleType("shop")
    vars(module).update({model.__name__: model for model in models}, REMOVED=removed)
    return read_dataset(module)


Deploy = Callable[..., list[str]]


@pytest.fixture
def deploy(master: Connection) -> Deploy:
    """Apply the dataset of some models; afterwards the tables equal newly created ones."""

    def make(*models: type[Row], removed: tuple[str, ...] = ()) -> list[str]:
        declared = dataset(*models, removed=removed)
        changes: list[str] = apply(master, PASSWORDS, [declared])["changes"]
        with master.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {OWNER}")
            have, want = shapes(cursor, "shop"), expected_dataset(cursor, declared)
        master.rollback()
        assert {name: have[name] for name in want} == want
        return changes

    return make


def refusal(master: Connection, *models: type[Row], removed: tuple[str, ...] = ()) -> str:
    with pytest.raises(SchemaRefused) as raised:
        apply(master, PASSWORDS, [dataset(*models, removed=removed)])
    return str(raised.value)


@pytest.fixture
def games(database: Database, deploy: Deploy) -> Database:
    """A database with teams and games."""
    deploy(Team, Game)
    database.query(
        "INSERT INTO shop.teams VALUES ('a'), ('b');"
        "INSERT INTO shop.games VALUES (1, 'a', 3, 'cup'), (2, 'b', 0, NULL);"
        "INSERT INTO dataforge.rejections (dataset, \"table\", raw, errors) VALUES ('shop', 'games', '{}', '[]')"
    )
    return database


def test_name_is_not_reused_in_the_deployment_that_renames_it(
    games: Database, master: Connection, deploy: Deploy
) -> None:
    class Again(Row, table="games"):
        game: Annotated[Integer, Key()]

    class Reused(Row, table="games"):
        game: Annotated[Integer, Key()]
        home: Annotated[Label, References("teams")]
        points: Count
        former: Annotated[Literal["cup", "league"], Renamed("kind")] | None = None
        kind: Integer | None = None

    class Moved(Row, table="games"):
        game: Annotated[Integer, Key()]
        home: Annotated[Label, References("teams")]
        points: Count
        former: Annotated[Literal["cup", "league"], Renamed("kind")] | None = None

    deploy(Team, Game)
    assert "shop.matches cannot be renamed from games" in refusal(master, Team, Match, Again)
    assert "shop.games.former cannot be renamed from kind" in refusal(master, Team, Reused)
    deploy(Team, Moved)
    deploy(Team, Reused)
    found = games.query("SELECT former, kind FROM shop.games ORDER BY game")
    assert found == [("cup", None), (None, None)]


def test_renamed_table_and_columns_keep_rows_keys_and_rejections(games: Database, deploy: Deploy) -> None:
    assert deploy(Team, Match) == [
        "renamed shop.games to matches",
        "renamed shop.matches.game to match",
        "renamed shop.matches.home to host",
        "renamed shop.matches.points to score",
    ]
    assert games.query("TABLE shop.matches ORDER BY 1") == [(1, "a", 3, "cup"), (2, "b", 0, None)]
    assert games.query("SELECT to_regclass('shop.games')") == [(None,)]
    assert games.query('SELECT "table" FROM dataforge.rejections') == [("matches",)]


def test_rename_that_happened_is_harmless_when_it_stays_declared(games: Database, deploy: Deploy) -> None:
    deploy(Team, Match)
    assert deploy(Team, Match) == []


def test_rename_in_a_new_database_creates_the_new_names(deploy: Deploy) -> None:
    assert deploy(Team, Match)[:2] == ["created shop.teams", "created shop.matches"]


def test_earlier_version_of_the_code_takes_a_rename_back(games: Database, deploy: Deploy) -> None:
    deploy(Team, Match)
    assert deploy(Team, Game) == [
        "renamed shop.matches to games",
        "renamed shop.games.match to game",
        "renamed shop.games.host to home",
        "renamed shop.games.score to points",
    ]
    assert games.query("SELECT count(*) FROM shop.games") == [(2,)]
    assert deploy(Team, Match)[0] == "renamed shop.games to matches"


def test_constraint_that_changes_with_a_rename_is_replaced(games: Database, deploy: Deploy) -> None:
    class Relaxed(Row, table="games"):
        game: Annotated[Integer, Key()]
        home: Label
        score: Annotated[Integer, Renamed("points")]
        kind: Literal["cup", "league", "friendly"] | None = None

    assert deploy(Team, Relaxed) == [
        "renamed shop.games.points to score",
        "dropped constraint shop.games_home_fkey",
        "dropped constraint shop.games_points_check",
        "dropped index shop.games_home_idx",
        "changed constraint shop.games_kind_check",
    ]


def test_table_whose_former_name_exists_too_is_refused(games: Database, master: Connection) -> None:
    games.query("CREATE TABLE shop.matches (); ALTER TABLE shop.matches OWNER TO dataforge_owner")
    text = refusal(master, Team, Match)
    assert "shop.matches cannot take the place of games, because both tables exist" in text


class WithoutKind(Row, table="games"):
    game: Annotated[Integer, Key()]
    home: Annotated[Label, References("teams")]
    points: Count


class Removed(WithoutKind, table="games", removed="kind"):
    pass


def test_column_is_dropped_only_if_it_is_declared_as_removed(
    games: Database, deploy: Deploy, master: Connection
) -> None:
    text = refusal(master, Team, WithoutKind)
    assert "column kind that the catalogue lacks" in text
    assert (
        '1 row(s) have a value). Hint: declare it again, or removed=("kind",), or Renamed("kind") at the column'
        in text
    )
    assert deploy(Team, Removed) == ["dropped constraint shop.games_kind_check", "dropped shop.games.kind"]
    assert games.query("TABLE shop.games ORDER BY 1") == [(1, "a", 3), (2, "b", 0)]
    assert deploy(Team, Removed) == []


def test_removed_column_with_an_owners_view_is_refused_with_its_name(
    games: Database, master: Connection
) -> None:
    games.query("CREATE SCHEMA mine; CREATE VIEW mine.kinds AS SELECT kind FROM shop.games")
    assert "shop.games.kind cannot be dropped" in refusal(master, Team, Removed)


def test_table_is_dropped_only_if_it_is_declared_as_removed(games: Database, deploy: Deploy) -> None:
    assert deploy(Team) == ["dropped constraint shop.games_home_fkey"]
    assert games.query("SELECT count(*) FROM shop.games") == [(2,)]
    assert deploy(Team, removed=("games",)) == ["dropped shop.games"]
    assert games.query("SELECT to_regclass('shop.games')") == [(None,)]
    assert deploy(Team, removed=("games",)) == []


class Narrow(Row, table="games", narrowed=("points", "home")):
    game: Annotated[Integer, Key()]
    home: Annotated[str, VarChar(1)]
    points: SmallInt
    kind: Literal["cup", "league"] | None = None


def test_narrowed_type_keeps_every_value(games: Database, deploy: Deploy) -> None:
    assert {c for c in deploy(Team, Narrow) if "type" in c} == {
        "changed the type of shop.games.points to smallint",
        'changed the type of shop.games.home to character varying(1) COLLATE "C"',
    }
    assert games.query("TABLE shop.games ORDER BY 1") == [(1, "a", 3, "cup"), (2, "b", 0, None)]


def test_narrowed_type_is_refused_with_the_number_of_rows_that_it_cannot_hold(
    games: Database, master: Connection
) -> None:
    games.query(
        "INSERT INTO shop.teams VALUES ('long'); INSERT INTO shop.games VALUES (3, 'long', 70000), (4, 'a', 70001)"
    )
    text = refusal(master, Team, Narrow)
    assert "shop.games.points is integer, the catalogue declares smallint; 2 row(s)" in text
    assert "shop.games.home is text" in text
    assert games.query("SELECT count(*) FROM shop.games") == [(4,)]


@pytest.mark.parametrize(
    ("old", "new", "value", "fits"),
    [
        (Text, Integer, "7", True),
        (Text, Integer, "007", False),
        (Text, Integer, "seven", False),
        (BigInt, Integer, 2**40, False),
        (Annotated[str, VarChar(9)], Annotated[str, VarChar(3)], "abc  ", False),
        (bool, Integer, True, False),
    ],
)
def test_value_fits_a_narrower_type_if_it_stays_the_same(
    database: Database, master: Connection, deploy: Deploy, old: Any, new: Any, value: Any, fits: bool
) -> None:
    def model(kind: Any) -> type[Row]:
        fields = {"__module__": __name__, "__annotations__": {"item": Annotated[Integer, Key()], "x": kind}}
        return type("Item", (Row,), fields, table="items", narrowed="x")

    deploy(model(old))
    database.query("INSERT INTO shop.items VALUES (1, %s)", value)
    if fits:
        deploy(model(new))
    else:
        assert "1 row(s) have a value that it cannot hold" in refusal(master, model(new))


class Extended(Game, table="games"):
    tries: Integer = 5
    stage: Literal["a", "b"] = "b"


def test_new_column_with_a_default_has_it_in_old_rows_and_no_default_in_postgresql(
    games: Database, deploy: Deploy
) -> None:
    deploy(Team, Extended)
    assert games.query("SELECT tries, stage FROM shop.games") == [(5, "b"), (5, "b")]
    defaults = "SELECT count(*) FROM pg_attrdef WHERE adrelid = 'shop.games'::regclass"
    assert games.query(defaults) == [(0,)]


class Strict(Game, table="games"):
    kind: Literal["cup"] | None = None


def test_narrower_check_is_refused_with_the_number_of_rows(games: Database, master: Connection) -> None:
    games.query("UPDATE shop.games SET kind = 'league'")
    text = refusal(master, Team, Strict)
    assert "shop.games: constraint games_kind_check cannot be changed: 2 row(s) violate it" in text


class Distance(Row, table="distances"):
    start: Annotated[Label, Key()]
    end: Annotated[Label, Key()]


class Pairs(Row, table="pairs", unique=(("start", "end"),), references=(TO_DISTANCES,)):
    pair: Annotated[Integer, Key()]
    start: Label
    end: Label


class Loose(Row, table="pairs"):
    pair: Annotated[Integer, Key()]
    start: Label
    end: Label


def test_doctor_distinguishes_constraints_that_were_declared_from_those_of_an_owner(
    database: Database, master: Connection, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(Distance, Pairs)
    database.query("ALTER TABLE shop.pairs ADD UNIQUE (pair, start), ADD CONSTRAINT mine CHECK (pair < 9)")
    monkeypatch.setitem(DATASETS, "shop", dataset(Distance, Loose))
    found = [f for f in examine(master) if f["object"] == "shop.pairs"]
    assert sorted((f["code"], f["detail"].split()[4]) for f in found) == [
        ("undeclared_constraint", "pairs_start_end_fkey,"),
        ("undeclared_constraint", "pairs_start_end_key,"),
    ]
    assert [o["name"] for o in list_own(master)] == ["pairs_pair_start_key", "mine"]
    assert apply(master, PASSWORDS, [dataset(Distance, Loose)])["changes"] == [
        "dropped constraint shop.pairs_start_end_fkey",
        "dropped constraint shop.pairs_start_end_key",
    ]
    assert [o["name"] for o in list_own(master)] == ["pairs_pair_start_key", "mine"]
