"""Pages of tables without a key."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.forged_cursors import signed
from tests.postgres.bags import declare_bags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.postgres.deliver.conftest import Api


@pytest.fixture(scope="module")
def bags(api: Api) -> Iterator[Api]:
    """The API with rows of ``bags``, many of them copies."""
    with pytest.MonkeyPatch.context() as patch:
        declare_bags(api.database, patch)
        api.database.query(
            "INSERT INTO bags.sightings (number, weight) SELECT n %% 3, CASE n %% 2 WHEN 0 THEN '0' ELSE '-0' END::float"
            " FROM generate_series(1, 20) n UNION ALL SELECT NULL, NULL FROM generate_series(1, 13);"
            "INSERT INTO bags.remarks (weight) SELECT nullif(n, 0) FROM generate_series(0, 20) n"
        )
        yield api
        api.database.query("DROP SCHEMA bags CASCADE")


@pytest.mark.parametrize("limit", [1, 5, 100])
@pytest.mark.parametrize("select", ["", "&select=number", "&select=weight,note"])
@pytest.mark.parametrize("condition", ["", "&number=is.null", "&number=eq.1"])
@pytest.mark.parametrize("table", ["sightings", "remarks"])
def test_pages_together_have_every_copy_once(
    bags: Api, table: str, limit: int, select: str, condition: str
) -> None:
    if table == "remarks":
        select, condition = select.replace("number", "bird"), condition.replace("number", "weight")
    columns = select.partition("=")[2] or "*"
    where = {"&number=is.null": "number IS NULL", "&number=eq.1": "number = 1"}
    where |= {"&weight=is.null": "weight IS NULL", "&weight=eq.1": "weight = 1"}
    rows = f"SELECT {columns} FROM bags.{table} WHERE {where.get(condition, 'true')}"
    stored = bags.database.query(f"SELECT to_json(r)::text FROM ({rows}) r")
    pages = list(bags.walk(table, f"dataset=bags&limit={limit}{select}{condition}"))
    assert all(len(page) == limit for page in pages[:-1])
    found = Counter(repr(sorted(row.items())) for page in pages for row in page)
    assert sum(found.values()) == len(stored)
    assert found == Counter(repr(sorted(_read(text).items())) for (text,) in stored)


def _read(text: str) -> dict[str, object]:
    return dict(json.loads(text, parse_float=str))


def test_copies_removed_between_pages_do_not_hide_other_rows(bags: Api) -> None:
    first = bags.records("sightings", "dataset=bags&limit=10")
    bags.database.query(
        "DELETE FROM bags.sightings WHERE ctid IN (SELECT max(ctid) FROM bags.sightings GROUP BY number)"
    )
    others = first.rows
    while link := first.headers.get("Link"):
        first = bags.records("sightings", link[2 : link.index(">")])
        others += first.rows
    assert {row["number"] for row in others} == {None, 0, 1, 2}
    stored = bags.database.query("SELECT number, count(*) FROM bags.sightings GROUP BY 1")
    counts = Counter(row["number"] for row in others)
    assert all(counts[number] in (count, count + 1) for number, count in stored)


@pytest.mark.parametrize(
    "cursor", [["x", "y", "z"], ["1", "0" * 32, "-1"], ["9" * 19, "0" * 32, "1"], ["1"], [1, 2, 3]]
)
def test_position_that_no_page_returned_is_refused(bags: Api, cursor: list[object]) -> None:
    ((number, key),) = bags.database.query(
        "SELECT (extract(epoch FROM created_at) * 1000000)::bigint, deliver FROM dataforge.cursor_keys"
    )
    made = signed(number, bytes(key), ["bags", "sightings", []], cursor)
    bags.records("sightings", f"dataset=bags&cursor={made}").problem(400, "invalid-request")


def test_description_of_a_table_without_a_key_has_none(bags: Api) -> None:
    [described] = [t for t in bags.get("tables", "dataset=bags").json["data"] if t["name"] == "sightings"]
    assert described["key"] == []
