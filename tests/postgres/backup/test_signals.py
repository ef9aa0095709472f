"""A step that waits for another one is woken by its signal, whenever the signal arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.backup.signals import signal, wait

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor
    from tests.postgres.conftest import Database


def test_signal_that_arrives_while_the_condition_is_tested_is_noticed(module_database: Database) -> None:
    db = module_database.connect("master")
    tested: list[bool] = []

    def condition(cursor: Cursor) -> bool:
        tested.append(bool(tested))
        if len(tested) == 1:
            # PostgreSQL delivers a session's own signal with the response to its COMMIT.
            signal(cursor)
        return tested[-1]

    # Without time to wait, only the signal can cause a second test of the condition.
    assert wait(db, condition, seconds=0)
    assert tested == [False, True]
    db.close()
