"""Deployments that add, change and remove references and unique constraints of tables with rows."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from dataforge import Integer, Key, Label, References, Row
from dataforge.errors import SchemaRefused
from dataforge.postgres.roles import LOGINS
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from functions.schema.apply.apply import apply
from functions.schema.doctor.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres.conftest import Database

Deploy = Callable[..., list[str]]


class Team(Row, table="teams"):
    season: Annotated[Integer, Key()]
    code: Annotated[Label, Key()]


def games(**keywords: Any) -> type[Row]:
    class Game(Row, table="games", **keywords):
        game_id: Annotated[Integer, Key()]
        season: Integer
        home: Label
        before: Annotated[Integer, References("games")] | None = None

    return Game


HOME = References("teams", columns=("season", "home"))
ORPHANED = References("teams", columns=("season", "home"), enforced=False)


@pytest.fixture
def deploy(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """Deploy the dataset ``league`` with these keywords of the class ``Game``; the changes."""

    def deploy(**keywords: Any) -> list[str]:
        module = ModuleType("league")
        vars(module).update(Team=Team, Game=games(**keywords))
        monkeypatch.setitem(DATASETS, "league", read_dataset(module))
        found = apply(database.connect("master"), dict.fromkeys(LOGINS, "for the tests"))["changes"]
        return [change for change in found if "constraint" in change or "index" in change]

    yield deploy
    database.query("DROP SCHEMA IF EXISTS league CASCADE")


def insert(database: Database) -> None:
    database.query(
        "INSERT INTO league.teams VALUES (1, 'a'); INSERT INTO league.games VALUES (1, 1, 'a', 2), (2, 1, 'a', NULL)"
    )


def findings(database: Database) -> list[str]:
    with database.connect("master") as db:
        return [finding["code"] for finding in examine(db) if finding["object"].startswith("league")]


def test_reference_that_is_no_longer_enforced_loses_its_constraint_and_can_get_it_again(
    database: Database, deploy: Deploy
) -> None:
    deploy(references=HOME)
    insert(database)
    assert deploy(references=ORPHANED) == [
        "dropped constraint league.games_season_home_fkey",
        "dropped index league.games_season_home_idx",
    ]
    assert findings(database) == []
    assert deploy(references=HOME) == [
        "added constraint league.games_season_home_fkey",
        "added index league.games_season_home_idx",
    ]
    assert findings(database) == []


def test_reference_is_not_enforced_while_rows_contradict_it(database: Database, deploy: Deploy) -> None:
    deploy(references=ORPHANED)
    insert(database)
    database.query("INSERT INTO league.games VALUES (3, 1, 'x', NULL), (4, 1, 'y', NULL)")
    with pytest.raises(SchemaRefused, match=r"games_season_home_fkey cannot be changed: 2 row\(s\)"):
        deploy(references=HOME)


def test_unique_constraint_is_refused_with_the_number_of_rows_that_contradict_it(
    database: Database, deploy: Deploy
) -> None:
    deploy()
    insert(database)
    with pytest.raises(SchemaRefused, match=r"games_season_home_key cannot be changed: \d row\(s\)"):
        deploy(unique=(("season", "home"),))
    database.query("DELETE FROM league.games WHERE game_id = 1")
    assert deploy(unique=(("season", "home"),)) == ["added constraint league.games_season_home_key"]
    assert findings(database) == []
    assert "dropped constraint league.games_season_home_key" in deploy()


def test_unique_constraint_of_the_owner_stays(database: Database, deploy: Deploy) -> None:
    deploy()
    database.query("ALTER TABLE league.games ADD UNIQUE (season, home)")
    assert deploy() == []


def test_foreign_key_from_before_it_was_deferrable_is_changed(database: Database, deploy: Deploy) -> None:
    deploy()
    insert(database)
    database.query(
        "ALTER TABLE league.games DROP CONSTRAINT games_before_fkey, ADD CONSTRAINT games_before_fkey"
        " FOREIGN KEY (before) REFERENCES league.games (game_id)"
    )
    assert findings(database) == ["wrong_constraint"]
    assert deploy() == ["changed constraint league.games_before_fkey"]
