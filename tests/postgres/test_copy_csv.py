"""Lines for COPY are read as the texts that they were written from, by every supported server.

Before PostgreSQL 18 a line that consists of a backslash and a dot ends the data, except inside quotes.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dataforge.records.validate import copy_line

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor

TEXTS = st.none() | st.text(st.sampled_from('\\.\n\r",a '), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([("\\.", None)])
@example([(None, "a\n\\.\nb"), ("\\.\nb", "a\r\\.\r")])
@example([("a\r\n\\.\r\nb", "\n\\.\n")])
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=4))
def test_texts_survive_copy(cursor: Cursor, rows: list[tuple[str | None, str | None]]) -> None:
    cursor.execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS copied (a text, b text, position bigint); TRUNCATE copied"
    )
    lines = "".join(f"{copy_line((a, b))},{place}\n" for place, (a, b) in enumerate(rows))
    cursor.copy_expert("COPY copied FROM STDIN (FORMAT csv)", io.BytesIO(lines.encode()))
    cursor.execute("SELECT a, b FROM copied ORDER BY position")
    assert cursor.fetchall() == rows
