"""The progress of a migration, encoded in names of objects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.runs.progress import LoadedChunk

numbers = st.integers(min_value=0, max_value=2**63)
tables = st.from_regex(r"[a-z_][a-z0-9_]{0,62}", fullmatch=True)


@given(st.builds(LoadedChunk, tables, numbers, numbers, numbers, numbers))
def test_chunk_is_parsed_from_its_own_name(chunk: LoadedChunk) -> None:
    assert LoadedChunk.parse(chunk.name) == chunk


def test_names_of_deployed_releases_are_parsed() -> None:
    assert LoadedChunk.parse("orders/0-600-60-2") == LoadedChunk("orders", 0, 600, 60, 2)


@pytest.mark.parametrize(
    "name", ["plan.json", "orders/x-1-1-1", "orders/1-2-3", "orders/0-1-1-1/x", "orders/٣-1-1-1", ""]
)
def test_other_names_are_not_chunks(name: str) -> None:
    assert LoadedChunk.parse(name) is None
