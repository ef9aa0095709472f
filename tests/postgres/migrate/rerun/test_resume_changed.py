"""A run is resumed only if the declarations still match its shadows."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import pytest
from pydantic import Field

from dataforge.aws.failures import Failure
from dataforge.errors import TableChanged, TargetRejectsRows
from dataforge.postgres.roles import LOGINS
from dataforge.runs.lifecycle import close_run
from dataforge.tables.catalogue import Dataset
from dataforge.tables.columns import Header, Integer, Key, Label, Renamed
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from functions.migrate.lifecycle.resume import MIGRATIONS
from functions.schema.apply.apply import apply

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge, Migration


class Before(Row, table="items", file="items.csv"):
    """As it was."""

    item: Annotated[Integer, Key()]
    size: Annotated[Integer, Field(le=50)]


class Added(Row, table="items", file="items.csv"):
    """With one more column."""

    item: Annotated[Integer, Key()]
    size: Annotated[Integer, Field(le=50)]
    note: Label | None = None


class Narrowed(Row, table="items", file="items.csv"):
    """With a rule that loaded rows contradict."""

    item: Annotated[Integer, Key()]
    size: Annotated[Integer, Field(le=10)]


class Relaxed(Row, table="items", file="items.csv"):
    """With a rule that more rows satisfy."""

    item: Annotated[Integer, Key()]
    size: Annotated[Integer, Field(le=100)]


class Retyped(Row, table="items", file="items.csv"):
    """With another type."""

    item: Annotated[Integer, Key()]
    size: Label


class Keyed(Row, table="items", file="items.csv"):
    """With another key."""

    item: Integer
    size: Annotated[Integer, Field(le=50), Key()]


class Renaming(Row, table="items", file="items.csv"):
    """With another name of a column."""

    item: Annotated[Integer, Key()]
    length: Annotated[Integer, Renamed("size"), Header("size")]


class Nullable(Row, table="items", file="items.csv"):
    """With NULL allowed."""

    item: Annotated[Integer, Key()]
    size: Integer | None = None


def declare(forge: Forge, monkeypatch: pytest.MonkeyPatch, model: type[Row]) -> None:
    module = ModuleType("store")
    vars(module).update(Item=model)
    dataset: Dataset = read_dataset(module)
    monkeypatch.setitem(DATASETS, "store", dataset)
    apply(forge.database.connect("master"), dict.fromkeys(LOGINS, "for the tests"), [dataset])


def begun(forge: Forge, monkeypatch: pytest.MonkeyPatch, later: type[Row], last: str) -> Migration:
    """A run that ended before the step ``last`` and is resumed with another declaration."""
    declare(forge, monkeypatch, Before)
    forge.put("store/", items=b"item,size\n1,1\n2,20\n3,20\n")
    run = forge.migration({"dataset": "store", "quality_threshold": 0}).until(last)
    close_run(run.control, MIGRATIONS, run.execution, "aborted", Failure("ABORTED", "stopped"))
    declare(forge, monkeypatch, later)
    return forge.migration({"resume": run.id})


def constraints(forge: Forge) -> dict[str, str]:
    found = forge.database.query(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'store.items'::regclass AND contype <> 'n'"
    )
    return dict(found)


@pytest.mark.parametrize(
    ("later", "last", "words"),
    [
        pytest.param(Added, "settle", "column note is missing, not text", marks=pytest.mark.slow),
        (Added, "publish", "column note is missing, not text"),
        (Retyped, "publish", "column size is integer, not text"),
        pytest.param(Narrowed, "settle", "rows contradict items_size_check", marks=pytest.mark.slow),
    ],
)
def test_run_whose_rows_no_longer_fit_the_declaration_is_refused(
    forge: Forge, monkeypatch: pytest.MonkeyPatch, later: type[Row], last: str, words: str
) -> None:
    run = begun(forge, monkeypatch, later, last)
    with pytest.raises(TableChanged, match=rf"store\.items as loaded by .*{words}\. .*Start a new migration"):
        run.run()
    assert forge.database.query("SELECT count(*) FROM store.items") == [(0,)]


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (Renaming, "column length is missing, not integer"),
        (Retyped, "column size is integer, not text"),
        (Nullable, "column size is NOT NULL"),
    ],
)
def test_columns_changed_while_rows_are_loaded_are_named(
    forge: Forge, monkeypatch: pytest.MonkeyPatch, later: type[Row], words: str
) -> None:
    declare(forge, monkeypatch, Before)
    forge.put("store/", items=b"item,size\n1,20\n2,large\n3,\n")
    run = forge.migration({"dataset": "store"}).until("load")
    declare(forge, monkeypatch, later)
    with pytest.raises(TableChanged, match=rf"store\.items as loaded by .*{words}\. .*Start a new migration"):
        run.load()


def test_rows_that_violate_later_rule_are_not_published(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TargetRejectsRows, match="items_size_check"):
        begun(forge, monkeypatch, Narrowed, "publish").run()
    assert "10" in constraints(forge)["items_size_check"]


def test_relaxed_rule_survives_run_resolved_before_it(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    [counts] = begun(forge, monkeypatch, Relaxed, "publish").run()["tables"]
    assert counts["loaded"] == 3
    assert "100" in constraints(forge)["items_size_check"]


def test_changed_key_survives_run_resolved_before_it(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    run = begun(forge, monkeypatch, Keyed, "publish")
    run.document["quality_threshold"] = 0
    [counts] = run.run()["tables"]
    assert (counts["loaded"], counts["rejected"]) == (2, 1)
    assert constraints(forge)["items_pkey"] == "PRIMARY KEY (size)"
