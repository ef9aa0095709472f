"""The SQL that `dataforge describe` writes, in an empty database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dataforge.postgres.roles import LOGINS, OWNER
from dataforge.tables.datasets import DATASETS
from discovery.describe.sql import script
from functions.schema.difference import shapes

if TYPE_CHECKING:
    from tests.postgres.conftest import Database, Server

COMMENTS = """
    SELECT c.relname, coalesce(a.attname, ''), d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0
    WHERE c.relnamespace = %s::regnamespace ORDER BY 1, 2
"""


@pytest.fixture(scope="module")
def described(server: Server) -> Database:
    """An empty database in which the scripts of all datasets have run."""
    database = server.create("described")
    with database.superuser().cursor() as cursor:
        for dataset in DATASETS.values():
            cursor.execute(script(dataset))
    return database


@pytest.mark.parametrize("name", DATASETS)
def test_script_creates_the_tables_of_a_deployment(
    name: str, described: Database, database: Database
) -> None:
    found, wanted = (shapes(db.superuser().cursor(), name) for db in (described, database))
    assert found.keys() == wanted.keys() == DATASETS[name].tables.keys()
    for table, shape in wanted.items():
        assert found[table].columns == shape.columns
        assert found[table].constraints == shape.constraints
        assert found[table].indexes == shape.indexes
    assert described.query(COMMENTS, name) == database.query(COMMENTS, name)


def test_script_names_no_role() -> None:
    for dataset in DATASETS.values():
        assert not any(role in script(dataset) for role in (*LOGINS, OWNER))
