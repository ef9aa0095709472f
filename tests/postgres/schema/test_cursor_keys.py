"""The schema function creates and replaces the keys that sign cursors."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from dataforge.postgres.roles import LOGINS
from functions.schema.apply.apply import apply
from functions.schema.doctor.doctor import examine

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, "for the tests")
KEYS = "SELECT created_at, ingest, deliver FROM dataforge.cursor_keys ORDER BY 1"
AGE = "UPDATE dataforge.cursor_keys SET created_at = created_at - interval '91 days'"


def test_first_apply_creates_a_key_and_the_next_one_does_not(database: Database) -> None:
    (key,) = database.query(KEYS)
    assert {len(bytes(value)) for value in key[1:]} == {32}
    assert bytes(key[1]) != bytes(key[2])
    with closing(database.connect("master")) as master:
        assert apply(master, PASSWORDS)["changes"] == []
    assert database.query(KEYS) == [key]


def test_old_key_is_replaced_and_remains_valid_until_the_next_replacement(empty_database: Database) -> None:
    master = empty_database.connect("master")
    apply(master, PASSWORDS)
    known: list[bytes] = []
    for _ in range(3):
        known.append(bytes(empty_database.query(KEYS)[-1][1]))
        empty_database.query(AGE)
        assert apply(master, PASSWORDS)["changes"] == ["added a key that signs cursors"]
        before, newest = (bytes(key) for _, key, _ in empty_database.query(KEYS))
        assert before == known[-1]
        assert newest not in known


def test_doctor_reports_a_missing_key_and_apply_creates_it(empty_database: Database) -> None:
    master = empty_database.connect("master")
    apply(master, PASSWORDS)
    empty_database.query("DELETE FROM dataforge.cursor_keys")
    assert [(f["code"], f["object"]) for f in examine(master)] == [("no_cursor_key", "dataforge.cursor_keys")]
    apply(master, PASSWORDS)
    assert examine(master) == []
