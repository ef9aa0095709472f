"""Changes from any catalogue to any other: the declared tables, or a refusal that names a table."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.postgres.schema.evolving import Tables, catalogues, evolve

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database


@pytest.fixture(scope="module")
def evolving(module_database: Database) -> Connection:
    """The master's connection for all examples, each of which is rolled back."""
    return module_database.connect("master")


EXAMPLES = int(os.environ.get("EXAMPLES", "8"))
FILLED = st.sampled_from([set(), {"items"}, {"orders"}, {"items", "orders"}])


@settings(max_examples=EXAMPLES, deadline=None)
@given(catalogues(), catalogues(), FILLED, st.booleans(), st.sampled_from([1, 1_000_000]))
def test_any_change_results_in_the_declared_tables_or_a_refusal_that_names_a_table(
    evolving: Connection, before: Tables, after: Tables, filled: set[str], nulls: bool, large_rows: int
) -> None:
    try:
        list(evolve(evolving, before, after, filled, nulls=nulls, large_rows=large_rows))
    finally:
        evolving.rollback()
