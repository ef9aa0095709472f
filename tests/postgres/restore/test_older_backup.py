"""Restore of backups from before a change of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import pytest

from dataforge.errors import SchemaDiffers
from dataforge.postgres.roles import LOGINS
from dataforge.tables.catalogue import Row
from dataforge.tables.columns import Integer, Key, Label, Text
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
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


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (Changed, ["stock was integer, and is text", "colour is not in the backup, and is NOT NULL"]),
        (Shrunk, ["stock is no longer a column"]),
    ],
)
def test_incompatible_changes_of_the_catalogue_are_refused_with_every_column(
    vault: Vault, declare: Declare, held: list[str], model: type[Row], words: list[str]
) -> None:
    vault.database.query("DROP TABLE shop.goods")
    declare(model)
    run = vault.restore(dataset="shop", table="goods").until("check")
    with pytest.raises(SchemaDiffers, match=r"shop\.goods") as raised:
        run.check()
    assert [word for word in words if word not in str(raised.value)] == []
    made = "SELECT FROM pg_namespace WHERE nspname LIKE 'shadow%%'"
    assert (vault.rows("goods", "shop"), vault.database.query(made)) == ([], [])
    run.fail(raised.value)
    assert (run.failure["cause"], vault.leftovers()) == (str(raised.value), [])


def test_column_that_became_not_null_is_refused(vault: Vault, declare: Declare) -> None:
    declare(Added)
    vault.database.query("INSERT INTO shop.goods VALUES ('good', NULL, 'x', 1)")
    vault.backup("goods", dataset="shop")
    vault.database.query("DROP TABLE shop.goods")
    declare(Before)
    with pytest.raises(SchemaDiffers, match=r"note is no longer a column.*stock was nullable"):
        vault.restore(dataset="shop", table="goods").run()
