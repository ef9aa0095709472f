"""References, unique constraints and circles: their declaration, names and definitions."""

from __future__ import annotations

from types import ModuleType
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge import Integer, Key, Label, References, Row, Unique
from dataforge.postgres import ddl
from dataforge.tables.catalogue import Dataset
from dataforge.tables.circles import circles
from dataforge.tables.constraint_names import constraint_name
from dataforge.tables.examples import example_row
from dataforge.tables.modules import read_dataset
from dataforge.tables.names import internal_name


def shop(*models: type[Row]) -> Dataset:
    module = ModuleType("shop")
    vars(module).update({f"m{number}": model for number, model in enumerate(models)})
    return read_dataset(module)


class Team(Row, table="teams", unique=(("season", "nickname"),)):
    """A team of a season."""

    season: Annotated[Integer, Key()]
    code: Annotated[Label, Key()]
    nickname: Label | None = None
    phone: Annotated[Label, Unique()] | None = None


def games(**keywords: Any) -> type[Row]:
    class Game(Row, table="games", **keywords):
        game_id: Annotated[Integer, Key()]
        season: Integer
        home: Label
        away: Label | None = None
        caller: Label | None = None

    return Game


def test_composite_reference_defaults_to_the_key_of_the_parent() -> None:
    found = shop(Team, games(references=(References("teams", columns=("season", "home")),))).table("games")
    [key] = found.foreign_keys
    assert (key.name, key.columns, key.parent_columns) == (
        "games_season_home_fkey",
        ("season", "home"),
        ("season", "code"),
    )
    assert ddl.foreign_key(key, "shop") == (
        'FOREIGN KEY ("season", "home") REFERENCES "shop"."teams" ("season", "code")'
    )
    assert found.indexes == {"games_season_home_idx": ("season", "home")}


def test_column_may_take_part_in_several_references() -> None:
    found = shop(
        Team,
        games(
            references=(
                References("teams", columns=("season", "home")),
                References("teams", columns=("season", "away"), to=("season", "nickname")),
                References("teams", columns="caller", to="phone", enforced=False),
            )
        ),
    ).table("games")
    assert [key.name for key in found.foreign_keys] == ["games_season_home_fkey", "games_season_away_fkey"]
    assert [key.name for key in found.references if not key.enforced] == ["games_caller_fkey"]
    assert "games_caller_idx" not in found.indexes


def test_unique_constraints_have_the_names_of_postgresql() -> None:
    assert list(ddl.unique_constraints(shop(Team).table("teams"))) == [
        ("teams_phone_key", 'UNIQUE ("phone")'),
        ("teams_season_nickname_key", 'UNIQUE ("season", "nickname")'),
    ]


def test_two_references_of_the_same_columns_have_different_names() -> None:
    class Loyal(Row, table="loyal"):
        code: Annotated[Label, Key()]

    class Other(Row, table="other"):
        code: Annotated[Label, Key()]

    class Child(Row, table="children", references=(References("other", columns="code"),)):
        child_id: Annotated[Integer, Key()]
        code: Annotated[Label, References("loyal")]

    found = shop(Loyal, Other, Child).table("children")
    assert [key.name for key in found.foreign_keys] == ["children_code_fkey", "children_code_fkey1"]
    assert len(found.indexes) == 1


@pytest.mark.parametrize(
    ("references", "words"),
    [
        (References("team", columns="home"), r"not a table of this dataset \(did you mean 'teams'\?\)"),
        (References("teams"), "names no columns"),
        (
            References("teams", columns=("season", "hme")),
            "'hme', which is not a column \\(did you mean 'home'",
        ),
        (References("teams", columns=("season", "season")), "each column once"),
        (References("teams", columns="home"), r"1 and 2 columns; .*\(season, code\) or \(phone\)"),
        (References("teams", columns="home", to="code"), "neither its key nor unique"),
        (References("teams", columns=("home", "season")), "games.home is text and references teams.season"),
        (References("teams", columns="home", to="cod"), "did you mean 'code'"),
    ],
)
def test_reference_that_postgresql_cannot_have_is_refused(references: References, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        shop(Team, games(references=references))


@pytest.mark.parametrize(
    ("unique", "words"),
    [
        ((("season", "hom"),), "did you mean 'home'"),
        ((("home",), ("home",)), "declared twice"),
        (((),), "each column once"),
    ],
)
def test_unique_constraint_that_postgresql_cannot_have_is_refused(unique: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        shop(Team, games(unique=unique))


class Staff(Row, table="staff"):
    staff_id: Annotated[Integer, Key()]
    store_id: Annotated[Integer, References("stores")]
    reports_to: Annotated[Integer, References("staff")] | None = None


class Store(Row, table="stores"):
    store_id: Annotated[Integer, Key()]
    manager_staff_id: Annotated[Integer, References("staff")]


class Sale(Row, table="sales"):
    sale_id: Annotated[Integer, Key()]
    staff_id: Annotated[Integer, References("staff")]


def test_tables_of_a_circle_are_in_one_wave_before_their_children() -> None:
    data = shop(Sale, Staff, Store)
    assert data.waves() == [["staff", "stores"], ["sales"]]
    assert data.circle("stores") == ("staff", "stores")
    assert data.circle("sales") == ("sales",)


def test_foreign_keys_of_circles_are_deferrable_and_created_after_their_tables() -> None:
    data = shop(Sale, Staff, Store)
    deferrable = {key.name for table in data.tables.values() for key in table.foreign_keys if key.deferrable}
    assert deferrable == {"staff_store_id_fkey", "staff_reports_to_fkey", "stores_manager_staff_id_fkey"}
    statements = list(ddl.dataset_statements(data))
    added = next(n for n, s in enumerate(statements) if "staff_store_id_fkey" in s)
    assert added > next(n for n, s in enumerate(statements) if s.startswith('CREATE TABLE "shop"."stores"'))
    assert statements[added].endswith(" DEFERRABLE")


def test_reference_that_is_not_enforced_makes_no_circle() -> None:
    class Shop(Row, table="stores"):
        store_id: Annotated[Integer, Key()]
        manager_staff_id: Annotated[Integer, References("staff", enforced=False)]

    assert shop(Staff, Shop).waves() == [["stores"], ["staff"]]


def test_examples_of_a_circle_refer_to_each_other() -> None:
    data = shop(Sale, Staff, Store)
    staff, store = (example_row(data, data.table(name)) for name in ("staff", "stores"))
    assert staff["store_id"] == store["store_id"]
    assert store["manager_staff_id"] == staff["reports_to"] == staff["staff_id"]


@given(st.dictionaries(st.integers(0, 6), st.sets(st.integers(0, 6)), max_size=7))
def test_circles_are_the_tables_that_reach_each_other(edges: dict[int, set[int]]) -> None:
    graph = {str(n): [str(p) for p in sorted(edges.get(n, ()))] for n in range(7)}
    reach = {(a, b) for a in graph for b in graph[a]}
    for middle in graph:
        reach |= {(a, b) for a in graph for b in graph if (a, middle) in reach and (middle, b) in reach}
    for name, circle in circles(graph).items():
        assert set(circle) == {name, *(n for n in graph if {(name, n), (n, name)} <= reach)}


@given(
    st.text("abcé_", min_size=1, max_size=70),
    st.lists(st.text("abcé_", min_size=1, max_size=40), min_size=1, max_size=3),
)
def test_names_of_constraints_and_intermediate_results_fit_and_differ_if_the_long_names_differ(
    table: str, columns: list[str]
) -> None:
    name = constraint_name(table, columns, "fkey")
    assert len(name.encode()) <= 63
    assert name != constraint_name(table, [*columns[:-1], columns[-1] + "x"], "fkey")
    purpose = internal_name("rejected", table)
    assert len(purpose.encode()) <= 63
    assert purpose != internal_name("rejected", table + "x")
