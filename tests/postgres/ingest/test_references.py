"""Batches for tables with unique constraints, and for tables that reference each other in a circle."""

from __future__ import annotations

from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import pytest

from dataforge import Integer, Key, Label, References, Row, Unique
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from functions.schema.apply.apply import apply
from tests.postgres.conftest import PASSWORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres.ingest.conftest import Api, Json


class Staff(Row, table="staff"):
    staff_id: Annotated[Integer, Key()]
    store_id: Annotated[Integer, References("stores")]
    code: Annotated[Label, Unique()] | None = None
    boss: Annotated[Label, References("staff", to="code")] | None = None
    friend: Annotated[Label, References("staff", to="code", enforced=False)] | None = None


class Store(Row, table="stores"):
    store_id: Annotated[Integer, Key()]
    manager_staff_id: Annotated[Integer, References("staff")]


@pytest.fixture
def shops(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API with the dataset ``shops``, of which a store and its manager are stored."""
    module = ModuleType("shops")
    vars(module).update(Staff=Staff, Store=Store)
    dataset = read_dataset(module)
    monkeypatch.setitem(DATASETS, "shops", dataset)
    with suppress(KeyError):
        apply(api.database.connect("master"), PASSWORDS, [dataset])
    yield api
    api.database.query("DROP SCHEMA shops CASCADE")


def staff(number: int, store: int, code: str | None = None, boss: str | None = None, **data: object) -> Json:
    return {
        "table": "staff",
        "data": {"staff_id": number, "store_id": store, "code": code, "boss": boss, **data},
    }


def shop(number: int, manager: int) -> Json:
    return {"table": "stores", "data": {"store_id": number, "manager_staff_id": manager}}


@pytest.mark.parametrize("rule", ["ignore", "update", "reject"])
@pytest.mark.parametrize("mode", ["partial", "atomic"])
def test_parents_and_children_of_a_circle_are_stored_in_one_batch(shops: Api, rule: str, mode: str) -> None:
    records = [staff(3, 1, "c", "b"), staff(2, 1, "b", "a"), shop(1, 1), staff(1, 1, "a")]
    reply = shops.post(*records, dataset="shops", mode=mode, on_conflict=rule)
    assert reply.statuses == ["inserted"] * 4
    again = shops.post(*records, dataset="shops", mode=mode, on_conflict=rule)
    assert again.statuses == ["unchanged"] * 4


def test_children_of_a_rejected_record_are_rejected_around_the_circle(shops: Api) -> None:
    records = [shop(1, 1), staff(1, 1, "a"), shop(2, 9), staff(2, 2, "b"), shop(3, 2), staff(3, 1, "c", "b")]
    reply = shops.post(*records, dataset="shops", mode="partial")
    assert reply.statuses == ["inserted", "inserted", *["rejected"] * 4]
    assert reply.codes[2:] == [["foreign_key"]] * 4


def test_child_of_a_conflict_is_rejected(shops: Api) -> None:
    shops.post(shop(1, 1), staff(1, 1, "a"), dataset="shops")
    # The stored code of number 1 is not "z", so number 2 has no boss.
    for rule, first in (("reject", "rejected"), ("ignore", "ignored")):
        reply = shops.post(
            staff(1, 1, "z"), staff(2, 1, "b", "z"), dataset="shops", on_conflict=rule, mode="partial"
        )
        assert reply.statuses == [first, "rejected"]
        assert reply.codes[1] == ["foreign_key"]


def test_boss_whose_code_changes_in_the_same_batch_is_a_missing_parent(shops: Api) -> None:
    shops.post(shop(1, 1), staff(1, 1, "a"), dataset="shops")
    records = [staff(1, 1, "z"), staff(2, 1, "b", "a"), staff(3, 1, "c", "z")]
    reply = shops.post(*records, dataset="shops", on_conflict="update", mode="partial")
    assert reply.statuses == ["updated", "rejected", "inserted"]


def test_code_that_stored_rows_refer_to_cannot_be_changed(shops: Api) -> None:
    shops.post(shop(1, 1), staff(1, 1, "a"), staff(2, 1, "b", "a"), dataset="shops")
    records = [staff(1, 1, "z"), staff(3, 1, "c")]
    reply = shops.post(*records, dataset="shops", on_conflict="update", mode="partial")
    assert reply.statuses == ["rejected", "inserted"]
    assert reply.codes[0] == ["constraint"]


@pytest.mark.parametrize("rule", ["ignore", "update", "reject"])
def test_first_record_with_a_unique_value_is_stored(shops: Api, rule: str) -> None:
    shops.post(shop(1, 1), staff(1, 1, "a"), dataset="shops")
    records = [staff(9, 1, "b"), staff(2, 1, "b"), staff(3, 1, "a"), staff(4, 1), staff(5, 1)]
    reply = shops.post(*records, dataset="shops", on_conflict=rule, mode="partial")
    assert reply.statuses == ["inserted", "rejected", "rejected", "inserted", "inserted"]
    assert reply.codes[1:3] == [["conflict"]] * 2
    assert "staff_code_key" in reply.text


def test_conflict_of_a_unique_value_fails_an_atomic_batch_and_a_dry_run(shops: Api) -> None:
    shops.post(shop(1, 1), staff(1, 1, "a"), dataset="shops")
    for mode, other in (("atomic", "rejected"), ("dry_run", "valid")):
        reply = shops.post(staff(2, 1, "a"), staff(3, 1, "c"), dataset="shops", mode=mode)
        assert reply.statuses == ["rejected", other]
    assert shops.count("shops.staff") == 1


def test_reference_that_is_not_enforced_accepts_orphans(shops: Api) -> None:
    reply = shops.post(shop(1, 1), staff(1, 1, "a", friend="none"), dataset="shops")
    assert reply.statuses == ["inserted", "inserted"]
