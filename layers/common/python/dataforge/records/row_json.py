"""Rows as JSON, one document per line, written by PostgreSQL: exact, and faster than any detour over Python's values.

A decimal is a number with its scale, a double its shortest text, a timestamp ISO 8601 without a zone, NULL null.
"""

from __future__ import annotations

from collections.abc import Iterable

from dataforge.postgres.sql import Sql, ident


def copy_rows(rows: Sql, columns: Iterable[str], beside: Iterable[str] = ()) -> Sql:
    """COPY that writes each row of the query ``rows`` as a line of JSON with these ``columns``, in their order.

    ``beside``: columns whose values follow after a tab, as a JSON array; JSON itself never holds a tab.
    """
    shown, after = (
        Sql(", ").join(Sql("rows.{}").format(ident(name)) for name in names) for names in (columns, beside)
    )
    array = Sql(", json_build_array({})").format(after) if after else Sql("")
    return Sql(
        "COPY (SELECT row_to_json(shown){} FROM ({}) AS rows, LATERAL (SELECT {}) AS shown) TO STDOUT"
    ).format(array, rows, shown)


def undouble(copied: bytes) -> bytes:
    """What COPY wrote, as it was meant: its text format doubles backslashes, and changes nothing else of JSON.

    ``copied`` must end where a row ends.
    """
    return copied.replace(rb"\\", b"\\")
