"""The file in which the emulator's state is stored: transactions, removed entries, blobs, and a full disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.emulator.journal import Journal, Place

SECRET = Place("secretsmanager", "secrets", "a")
OTHER = Place("secretsmanager", "secrets", "b")
CODE = Place("lambda", "functions", "f")

STORES = st.dictionaries(
    st.builds(Place, st.sampled_from("xy"), st.sampled_from("st"), st.sampled_from(["", "a", "é"])),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "services.sqlite"


def read(path: Path) -> dict[Place, str]:
    return dict(Journal(path).entries())


def test_file_is_readable_by_its_owner_only(path: Path) -> None:
    Journal(path)
    assert path.stat().st_mode & 0o777 == 0o600


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(STORES, min_size=1, max_size=3))
def test_next_start_reads_the_last_whole_state(path: Path, states: list[dict[Place, str]]) -> None:
    journal = Journal(path)
    for state in states:
        journal.write(state, whole="xy")
    assert read(path) == states[-1]


def test_entries_of_other_services_remain(path: Path) -> None:
    journal = Journal(path)
    journal.write({SECRET: "1", CODE: "2"})
    journal.write({OTHER: "3"}, whole=["secretsmanager"])
    assert read(path) == {OTHER: "3", CODE: "2"}


def test_only_new_and_changed_entries_differ(path: Path) -> None:
    Journal(path).write({SECRET: "1"})
    journal = Journal(path)
    assert not journal.differs({SECRET: "1"})
    assert journal.differs({SECRET: "2"})
    assert journal.differs({OTHER: "1"})


def test_blob_without_an_entry_is_pruned(path: Path) -> None:
    journal = Journal(path)
    journal.write({CODE: "uses d1", OTHER: "uses d2"}, blobs={"d1": b"one", "d2": b"two"})
    journal.write({CODE: "uses d1"}, whole=["secretsmanager"])
    journal.prune()
    assert journal.blob("d1") == b"one"
    with pytest.raises(KeyError):
        journal.blob("d2")


def test_full_disk_changes_nothing_and_the_next_write_stores_everything(path: Path) -> None:
    journal = Journal(path)
    journal.write({SECRET: "1"})
    pages = journal._database.execute("PRAGMA page_count").fetchone()[0]
    journal._database.execute(f"PRAGMA max_page_count = {pages}")
    larger = {SECRET: "2", CODE: "x" * 100_000}
    with pytest.raises(sqlite3.Error, match="full"):
        journal.write(larger)
    assert read(path) == {SECRET: "1"}
    journal._database.execute(f"PRAGMA max_page_count = {pages + 100}")
    journal.write(larger)
    assert read(path) == larger
