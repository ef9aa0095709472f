"""Pagination during concurrent changes: each row that exists throughout is delivered exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.postgres.deliver.conftest import Api

# Byte order, linguistic order and library order of these texts differ.
LETTERS = "aAbB_-éÉ😀z\u0301 '"
ROWS = st.frozensets(
    st.tuples(
        st.text(LETTERS, min_size=1, max_size=3).filter(lambda text: text == text.strip()), st.integers(0, 3)
    ),
    max_size=40,
)


@settings(max_examples=25)
@given(before=ROWS, changes=st.lists(st.tuples(ROWS, ROWS), max_size=4), limit=st.integers(1, 9))
def test_pages_contain_each_unchanged_row_once_while_others_are_inserted_and_deleted(
    api: Api, before: frozenset[Any], changes: list[tuple[frozenset[Any], frozenset[Any]]], limit: int
) -> None:
    db = api.database
    db.query("TRUNCATE quotes.quote_tags")
    _insert(api, before)
    stood, ever, found = before, before, []
    pending = list(changes)
    for page in api.walk("quote_tags", f"dataset=quotes&limit={limit}"):
        found += [(row["tag"], int(row["quote_id"], 16)) for row in page]
        if pending:
            come, go = pending.pop()
            _delete(api, go)
            _insert(api, come)
            stood, ever = stood - go, ever | come
    assert len(found) == len(set(found))
    assert stood <= set(found) <= ever
    assert found == sorted(found, key=lambda row: (row[1], row[0].encode()))


def _insert(api: Api, rows: frozenset[Any]) -> None:
    api.database.query(
        "SET session_replication_role = replica; INSERT INTO quotes.quote_tags (tag, quote_id)"
        " SELECT * FROM unnest(%s::text[], %s::text[]) ON CONFLICT DO NOTHING",
        *_columns(rows),
    )


def _delete(api: Api, rows: frozenset[Any]) -> None:
    api.database.query(
        "DELETE FROM quotes.quote_tags t USING unnest(%s::text[], %s::text[]) AS gone (tag, quote_id)"
        " WHERE t.tag = gone.tag AND t.quote_id = gone.quote_id",
        *_columns(rows),
    )


def _columns(rows: frozenset[Any]) -> tuple[list[str], list[str]]:
    return [tag for tag, _ in rows], [f"{number:032x}" for _, number in rows]
