"""Restore of backups from before a change of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dataforge.errors import SchemaDiffers
from dataforge.postgres.roles import LOGINS
from dataforge.tables.columns import BigInt, Integer, Key, Label, Renamed, SmallInt, Text
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from functions.restore.stored import stored_names
from functions.schema.apply.apply import apply

if TYPE_CHECKING:
    from tests.postgres.restore.conftest import Vault

SWAP, MERGE = 0, 10**9
Declare = Callable[[type[Row]], None]


class Before(Row, table="goods", file="goods.csv"):
    """The table at the time of the backup."""

    good: Annotated[Label, Key()]
    stock: Integer


class Added(Row, table="goods", file="goods.csv"):
    """The table with additional nullable columns and a wider check."""

    good: Annotated[Label, Key()]
    stock: Integer | None = None
    note: Text | None = None
    weight: Integer | None = None


class Changed(Row, table="goods", file="goods.csv"):
    """The table with another type, without a column, and with an additional NOT NULL column."""

    good: Annotated[Label, Key()]
    stock: Text
    colour: Label


class Narrower(Row, table="goods", file="goods.csv"):
    """With a narrower type."""

    good: Annotated[Label, Key()]
    stock: SmallInt


class Shrunk(Row, table="goods", file="goods.csv"):
    """Without a column."""

    good: Annotated[Label, Key()]


@pytest.fixture
def declare(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Iterator[Declare]:
    """Declare the table ``shop.goods`` by a class, and deploy it."""

    def make(model: type[Row]) -> None:
        module = ModuleType("shop")
        vars(module)[model.__name__] = model
        monkeypatch.setitem(DATASETS, "shop", read_dataset(module))
        apply(vault.database.connect("master"), dict.fromkeys(LOGINS, "for the tests"))

    yield make
    vault.database.query("DROP SCHEMA shop CASCADE")


@pytest.fixture
def held(vault: Vault, declare: Declare) -> list[str]:
    """The rows of a backup that was written before the catalogue changed."""
    declare(Before)
    vault.database.query("INSERT INTO shop.goods SELECT 'good ' || n, n FROM generate_series(1, 20) n")
    vault.backup("goods", dataset="shop")
    return vault.rows("goods", "shop")


@pytest.mark.parametrize("swap_rows", [SWAP, MERGE], ids=["swap", "merge"])
def test_columns_added_after_the_backup_are_null_in_restored_rows(
    vault: Vault, declare: Declare, held: list[str], swap_rows: int
) -> None:
    declare(Added)
    vault.database.query(
        "DELETE FROM shop.goods WHERE stock > 15; UPDATE shop.goods SET note = 'new', weight = stock WHERE stock > 2;"
        "INSERT INTO shop.goods VALUES ('another', NULL, NULL, 3)"
    )
    replaced = vault.rows("goods", "shop")
    output = vault.restore(swap_rows, dataset="shop", table="goods").run()
    assert vault.rows("goods", "shop") == [f"{row.removesuffix(')')},,)" for row in held]
    assert [output[n] for n in ("restored", "added", "removed", "changed")] == [20, 5, 1, 13]
    # The safety backup has the new columns.
    vault.restore(swap_rows, dataset="shop", undo=output["safety_backup"]).run()
    assert (vault.rows("goods", "shop"), vault.leftovers()) == (replaced, [])


class Evolved(Row, table="articles", file="goods.csv", renamed="goods"):
    """The table with another name, a renamed key, a wider type, and a new column with a default."""

    article: Annotated[Label, Key(), Renamed("good")]
    stock: BigInt
    colour: Label = "grey"


@pytest.mark.parametrize("swap_rows", [SWAP, MERGE], ids=["swap", "merge"])
def test_backup_is_converted_to_renamed_and_widened_columns(
    vault: Vault, declare: Declare, held: list[str], swap_rows: int
) -> None:
    declare(Evolved)
    vault.database.query("DELETE FROM shop.articles WHERE stock > 15")
    trial = vault.restore(swap_rows, dataset="shop", table="articles", dry_run=True).run()
    output = vault.restore(swap_rows, dataset="shop", table="articles").run()
    assert vault.rows("articles", "shop") == [f"{row.removesuffix(')')},grey)" for row in held]
    assert [output[n] for n in ("restored", "added", "removed", "changed")] == [20, 5, 0, 0]
    adapted = [
        "article is good of the backup",
        "stock is converted from integer to bigint",
        "colour is its default: the backup lacks it",
    ]
    assert output["tables"][0]["adapted"] == trial["tables"][0]["adapted"] == adapted
    assert vault.leftovers() == []


class Renaming(Row, table="goods", file="goods.csv"):
    """The table with a renamed column."""

    good: Annotated[Label, Key()]
    former_stock: Annotated[Integer, Renamed("stock")]


class Reused(Row, table="goods", file="goods.csv"):
    """The table with a renamed column, whose former name another column has now."""

    good: Annotated[Label, Key()]
    former_stock: Annotated[Integer, Renamed("stock")]
    stock: Integer | None = None


@pytest.mark.parametrize("swap_rows", [SWAP, MERGE], ids=["swap", "merge"])
def test_values_of_a_renamed_column_are_not_restored_to_the_one_that_has_its_name_now(
    vault: Vault, declare: Declare, held: list[str], swap_rows: int
) -> None:
    earlier = vault.backup("goods", dataset="shop")
    declare(Renaming)
    declare(Reused)
    assert vault.rows("goods", "shop") == [f"{row.removesuffix(')')},)" for row in held]
    vault.database.query("UPDATE shop.goods SET former_stock = 0, stock = 7")
    later = vault.backup("goods", dataset="shop")
    present = vault.rows("goods", "shop")
    output = vault.restore(swap_rows, dataset="shop", table="goods", backup=earlier.backup_id).run()
    assert vault.rows("goods", "shop") == [f"{row.removesuffix(')')},)" for row in held]
    assert output["tables"][0]["adapted"] == [
        "former_stock is stock of the backup",
        "stock is NULL: the backup lacks it",
    ]
    vault.restore(swap_rows, dataset="shop", table="goods", backup=later.backup_id).run()
    assert vault.rows("goods", "shop") == present


@given(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["", *"abcd"]), max_size=4),
    st.sets(st.sampled_from("abcd")),
)
def test_a_stored_name_is_the_source_of_at_most_one_declared_name(
    former: dict[str, str], stored: set[str]
) -> None:
    named = [old for old in former.values() if old]
    assume(len(set(named)) == len(named))
    names = stored_names(former, stored)
    assert len(set(names.values())) == len(names)
    assert all(old in stored and old in (name, former[name]) for name, old in names.items())
    assert names.keys() >= former.keys() & stored - set(named)


def test_column_that_is_no_longer_declared_is_ignored_and_reported(
    vault: Vault, declare: Declare, held: list[str]
) -> None:
    vault.database.query("DROP TABLE shop.goods")
    declare(Shrunk)
    output = vault.restore(dataset="shop", table="goods").run()
    assert vault.rows("goods", "shop") == [row.partition(",")[0] + ")" for row in held]
    assert output["tables"][0]["adapted"] == ["stock of the backup is ignored: the table lacks it"]


def test_narrower_type_takes_the_values_that_fit(vault: Vault, declare: Declare, held: list[str]) -> None:
    vault.database.query("DROP TABLE shop.goods")
    declare(Narrower)
    output = vault.restore(dataset="shop", table="goods").run()
    assert vault.rows("goods", "shop") == held
    assert output["tables"][0]["adapted"] == ["stock is converted from integer to smallint"]


@pytest.mark.slow
@pytest.mark.parametrize("dry_run", [True, False])
def test_values_that_a_narrower_type_cannot_hold_are_refused_with_the_number_of_rows(
    vault: Vault, declare: Declare, dry_run: bool
) -> None:
    declare(Before)
    vault.database.query("INSERT INTO shop.goods VALUES ('a', 1), ('b', 70000), ('c', 70001)")
    vault.backup("goods", dataset="shop")
    vault.database.query("DROP TABLE shop.goods")
    declare(Narrower)
    with pytest.raises(
        SchemaDiffers, match=r"stock was integer, and smallint cannot hold the values of 2 row"
    ):
        vault.restore(dataset="shop", table="goods", dry_run=dry_run).run()
    assert vault.rows("goods", "shop") == []


def test_new_column_without_null_and_default_is_refused_before_anything_is_loaded(
    vault: Vault, declare: Declare, held: list[str]
) -> None:
    vault.database.query("DROP TABLE shop.goods")
    declare(Changed)
    run = vault.restore(dataset="shop", table="goods").until("check")
    with pytest.raises(SchemaDiffers, match=r"shop\.goods: colour is not in the backup") as raised:
        run.check()
    made = "SELECT FROM pg_namespace WHERE nspname LIKE 'shadow%%'"
    assert (vault.rows("goods", "shop"), vault.database.query(made)) == ([], [])
    run.fail(raised.value)
    assert (run.failure["cause"], vault.leftovers()) == (str(raised.value), [])


def test_null_in_a_column_that_became_not_null_is_refused_with_the_number_of_rows(
    vault: Vault, declare: Declare
) -> None:
    declare(Added)
    vault.database.query("INSERT INTO shop.goods VALUES ('good', NULL, 'x', 1)")
    vault.backup("goods", dataset="shop")
    vault.database.query("DROP TABLE shop.goods")
    declare(Before)
    with pytest.raises(SchemaDiffers, match=r"stock is NOT NULL, and NULL in 1 row\(s\) of the backup"):
        vault.restore(dataset="shop", table="goods").run()
