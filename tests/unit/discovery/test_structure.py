"""Keys and references that are proposed from names and values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pytest

from discovery.keys import Columns
from discovery.structure import Structure, propose
from discovery.texts import TextStore


@pytest.fixture
def store() -> Iterator[TextStore]:
    with TextStore() as texts:
        yield texts


def proposed(store: TextStore, **tables: dict[str, Sequence[object]]) -> Structure:
    found = {}
    for name, columns in tables.items():
        arrays = {
            c: pa.array([None if v is None else str(v) for v in values], pa.string())
            for c, values in columns.items()
        }
        store.add(name, list(arrays), [pa.record_batch(arrays)])
        kinds = {c: "integer" if str(values[0]).isdigit() else "text" for c, values in columns.items()}
        found[name] = Columns(name, store.describe(name), kinds)
    return propose(store, found)


def references(structure: Structure) -> set[tuple[str, str, str]]:
    return {(r.child, r.column, r.parent) for r in structure.references}


def test_names_and_values_together_propose_keys_and_references(store: TextStore) -> None:
    found = proposed(
        store,
        customers={"customer_id": range(1, 50), "age": [n % 40 for n in range(1, 50)]},
        orders={
            "order_id": range(1, 80),
            "customer_id": [n % 49 + 1 for n in range(1, 80)],
            "age": range(1, 80),
        },
    )
    assert found.keys == {"customers": ("customer_id",), "orders": ("order_id",)}
    assert references(found) == {("orders", "customer_id", "customers")}


def test_orphans_do_not_hide_a_reference_that_the_name_states(store: TextStore) -> None:
    found = proposed(
        store,
        customers={"customer_id": range(1, 50)},
        orders={"order_id": range(1, 80), "customer_id": [n % 60 + 1 for n in range(1, 80)]},
    )
    [reference] = found.references
    assert reference.coverage.orphans > 0


def test_reference_of_a_table_to_itself_needs_the_name_of_a_role(store: TextStore) -> None:
    found = proposed(
        store,
        employees={
            "employee_id": range(1, 30),
            "reports_to": [None, *(n // 2 + 1 for n in range(1, 29))],
            "grade": [n % 5 + 1 for n in range(1, 30)],
        },
    )
    assert references(found) == {("employees", "reports_to", "employees")}


def test_columns_that_are_unique_by_accident_are_not_a_key(store: TextStore) -> None:
    found = proposed(store, readings={"note": ["x"] * 39, "value": [n * 7 % 1000 for n in range(1, 40)]})
    assert found.keys == {"readings": None}


def test_copies_of_a_key_exclude_it(store: TextStore) -> None:
    assert proposed(store, a={"id": [1, 2, 2], "x": [1, 1, 1]}).keys == {"a": None}
