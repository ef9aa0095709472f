"""Quoted names and literals, read back by PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, ident, literal

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor

NAME_BYTES = 63
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
NAMES = TEXTS.filter(lambda name: 0 < len(name.encode()) <= NAME_BYTES)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, text=TEXTS)
def test_postgresql_reads_quoted_names_and_literals_unchanged(cursor: Cursor, name: str, text: str) -> None:
    cursor.execute(
        Sql("SELECT t.{} FROM (SELECT {}) AS t ({})").format(ident(name), literal(text), ident(name))
    )
    assert cursor.description is not None
    assert cursor.description[0].name == name
    assert one_row(cursor) == (text,)
