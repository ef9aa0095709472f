"""The reasons of rejections are those that PostgreSQL counts."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataforge.tables.datasets import DATASETS
from functions.migrate.run.rejections.reasons import EXAMPLES, StoredReason, read_reasons

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from functions.migrate.run.migration import Run
    from tests.postgres.conftest import Database

TABLES = [DATASETS["olist"].table(name) for name in ("orders", "customers")]
RUN = cast("Run", SimpleNamespace(id="a run's", tables=TABLES))
NAMES = st.sampled_from(["a", "b", "é", 'c"', ', "message": ', '}, {"code": "'])
ERRORS = st.lists(
    st.fixed_dictionaries(
        {"code": NAMES, "message": NAMES | st.text("xyz", max_size=3)}, optional={"column": NAMES}
    ),
    min_size=1,
    max_size=3,
)
ELSEWHERE = st.sampled_from([None, None, {"key": "k"}, {"key": "k", "bucket": "b"}])
REJECTIONS = st.lists(
    st.tuples(
        st.sampled_from(TABLES),
        ERRORS,
        st.sampled_from(["a.csv", "b,\n\x02.csv"]),
        st.integers(1, 9),
        ELSEWHERE,
    ),
    max_size=12,
)
INSERT = """
    INSERT INTO dataforge.rejections (dataset, "table", raw, errors, migration_id, file, line, raw_at)
    VALUES ('olist', %s, '""', %s, %s, %s, %s, %s)
"""
COUNT = """
    SELECT "table", e->>'code', e->>'column', count(*), count(DISTINCT id),
        (array_agg(array[file, line::text, id::text] ORDER BY file COLLATE "C", line, id))[1:%s]
    FROM dataforge.rejections, jsonb_array_elements(errors) e
    WHERE migration_id = %s AND (raw_at IS NULL OR raw_at ? 'bucket') GROUP BY 1, 2, 3
"""


@pytest.fixture(scope="module")
def owner(module_database: Database) -> Connection:
    """A connection that may write rejections of any run."""
    return module_database.superuser()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(REJECTIONS)
def test_reasons_and_first_rows_are_those_that_postgresql_counts(
    owner: Connection, rejections: list[tuple[Any, ...]]
) -> None:
    with owner.cursor() as cursor:
        cursor.execute("BEGIN")
        for table, errors, file, line, location in rejections:
            stored = None if location is None else json.dumps(location)
            cursor.execute(INSERT, (table.name, json.dumps(errors), RUN.id, file, line, stored))
        cursor.execute(COUNT, (EXAMPLES, RUN.id))
        expected = [
            StoredReason(
                table,
                code,
                column,
                errors,
                rows,
                [(file, int(line), int(number)) for file, line, number in first],
            )
            for table, code, column, errors, rows, first in cursor.fetchall()
        ]
        found = list(read_reasons(cursor, RUN))
        cursor.execute("ROLLBACK")
    assert sorted(found, key=repr) == sorted(expected, key=repr)
