"""Rows as JSON, one document per line, written by PostgreSQL: exact, and faster than any detour over Python's values.

A decimal is a number with its scale, a double its shortest text, a timestamp ISO 8601 without a zone, NULL null.
"""

from __future__ import annotations

from collections.abc import Iterable

from dataforge.postgres.ddl import ident


def copy_rows(rows: str, columns: Iterable[str], beside: Iterable[str] = ()) -> str:
    """COPY that writes each row of the query ``rows`` as a line of JSON with these ``columns``, in their order.

    ``beside``: columns whose values follow after a tab, as a JSON array; JSON itself never holds a tab.
    """
    shown, after = (", ".join(f"rows.{ident(name)}" for name in names) for names in (columns, beside))
    array = f", json_build_array({after})" if after else ""
    return (
        f"COPY (SELECT row_to_json(shown){array} FROM ({rows}) AS rows, LATERAL (SELECT {shown}) AS shown)"
        " TO STDOUT"
    )


def undouble(copied: bytes) -> bytes:
    """What COPY wrote, as it was meant: its text format doubles backslashes, and changes nothing else of JSON.

    ``copied`` must end where a row ends.
    """
    return copied.replace(rb"\\", b"\\")
