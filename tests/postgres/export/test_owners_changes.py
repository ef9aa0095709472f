"""An export contains all rows under any settings of the database and its roles, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from dataforge.errors import RowSecurity
from tests.postgres.hostile import hostile_settings

if TYPE_CHECKING:
    from dataforge.runs.exports import Export, Format
    from tests.postgres.conftest import Database


@pytest.mark.parametrize("form", ["parquet", "ndjson"])
def test_export_is_the_same_under_hostile_settings(
    with_kitchen: Database, make_export: Callable[..., Export], form: Format
) -> None:
    with_kitchen.query(
        "INSERT INTO kitchen.everything (note, item, number, price, size, moment, flag, code)"
        " VALUES ('🎉 \\', 'x', 1, 9.90, 0.1, '2018-02-01 10:00', true, '01037') ON CONFLICT DO NOTHING"
    )
    before = make_export("everything", form)
    with hostile_settings(with_kitchen):
        found = make_export("everything", form)
    assert (found.rows, found.content_hash) == (before.rows, before.content_hash)
    assert found.rows
    assert [file.sha256 for file in found.files] == [file.sha256 for file in before.files]


@pytest.mark.parametrize("form", ["parquet", "ndjson"])
def test_export_refuses_table_with_row_security(
    with_kitchen: Database, make_export: Callable[..., Export], form: Format
) -> None:
    with_kitchen.query("ALTER TABLE kitchen.words ENABLE ROW LEVEL SECURITY")
    try:
        with pytest.raises(RowSecurity, match=r"kitchen\.words"):
            make_export("words", form)
    finally:
        with_kitchen.query("ALTER TABLE kitchen.words DISABLE ROW LEVEL SECURITY")
