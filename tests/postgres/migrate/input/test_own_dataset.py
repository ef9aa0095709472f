"""A dataset of a newcomer's: tables that refer to themselves, links keyed by their whole row, columns of every type."""

from __future__ import annotations

from random import Random
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from dataforge.postgres.roles import LOGINS
from dataforge.tables.catalogue import Dataset, Source, Table
from dataforge.tables.columns import Integer, Key, Label, References
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from functions.schema.apply.apply import apply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.postgres.migrate.conftest import Forge


class Person(Row, table="people", file="people.csv"):
    """A person, who may have another person as boss."""

    person: Annotated[Integer, Key()]
    boss: Annotated[Integer, References("people")] | None = None


class Skill(Row, table="skills", file="skills.csv"):
    """Something to be able to."""

    skill: Annotated[Label, Key()]


class PersonSkill(Row, table="person_skills", file="person_skills.csv", distinct=True):
    """Who is able to what."""

    person: Annotated[Integer, References("people")]
    skill: Annotated[Label, References("skills")]


class Phone(Row, table="phones"):
    """An address of a person."""

    owner: Annotated[Label, Key()]
    phone: Label


class Second(Row, table="seconds", file="seconds.csv"):
    """A table named like a field of the ledger."""

    second: Annotated[Integer, Key()]


class Megabyte(Row, table="memory_mb", file="memory_mb.csv"):
    """Another one."""

    megabyte: Annotated[Integer, Key()]


def split(record: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """A phone for each that the record has, though a person may have one only."""
    for place in ("home", "work"):
        if place in record:
            yield "phones", {"owner": record["owner"], "phone": record[place]}


PHONES = Source("phone_book.csv", ("owner", "home", "work"), ("phones",), split)


@pytest.fixture
def office(forge: Forge, monkeypatch: pytest.MonkeyPatch, kitchen: Dataset) -> Forge:
    """A database that also has the datasets ``office`` and ``kitchen``."""
    module = ModuleType("office")
    vars(module).update({"Person": Person, "Skill": Skill, "PersonSkill": PersonSkill, "Phone": Phone})
    vars(module).update(Second=Second, Megabyte=Megabyte)
    module.FLAT_FILES = (PHONES,)  # type: ignore[attr-defined]
    declared = (read_dataset(module), kitchen)
    for dataset in declared:
        monkeypatch.setitem(DATASETS, dataset.name, dataset)
    apply(forge.database.connect("master"), dict.fromkeys(LOGINS, "for the tests"), declared)
    return forge


def migrate(forge: Forge, chunk_bytes: int = 1 << 20, **document: Any) -> dict[str, tuple[int, ...]]:
    """The counts of each table of the office."""
    found = forge.migrate(chunk_bytes, **{"dataset": "office", "quality_threshold": 0} | document)
    return {
        t: tuple(c[n] for n in ("read", "loaded", "unchanged", "deduplicated", "rejected"))
        for t, c in found.items()
    }


@pytest.mark.parametrize("filled", [False, True])
def test_descendants_of_orphan_are_rejected_at_any_depth(office: Forge, filled: bool) -> None:
    if filled:
        office.database.query("INSERT INTO office.people VALUES (100, NULL)")
    people = b"person,boss\n1,\n2,1\n3,2\n13,12\n12,11\n11,10\n20,20\n21,22\n22,21\n"
    office.put("office/", people=people)
    assert migrate(office, tables=["people"]) == {"people": (9, 6, 0, 0, 3)}
    assert office.rejections("line", "codes") == [(5, "foreign_key"), (6, "foreign_key"), (7, "foreign_key")]
    keys = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'people_boss_fkey'"
    assert office.database.query(keys) == [
        ("FOREIGN KEY (boss) REFERENCES office.people(person) DEFERRABLE",)
    ]
    assert migrate(office, tables=["people"]) == {"people": (9, 0, 6, 0, 3)}


def test_first_of_identical_orphans_is_rejected_and_others_are_duplicates(office: Forge) -> None:
    # The row model validates the first row after the others; it must still count as the first.
    links = b'person,skill\n7,"juggling\r"\n7,juggling\n7, juggling\n1,juggling\n1,juggling\n'
    office.put("office/", people=b"person,boss\n1,\n", skills=b"skill\njuggling\n", person_skills=links)
    for size in (64, 1 << 20):
        counts = migrate(office, size, tables=["people", "skills", "person_skills"])
        assert counts["person_skills"] in [(5, 1, 0, 3, 1), (5, 0, 1, 3, 1)]
        assert office.rejections("line", "offset", "raw") == [(2, 13, '7,"juggling\r"')]
        office.database.query("DELETE FROM dataforge.rejections")


@pytest.mark.parametrize("filled", [False, True])
def test_first_of_conflicting_rows_in_one_record_is_loaded(office: Forge, filled: bool) -> None:
    if filled:
        office.database.query("INSERT INTO office.phones VALUES ('zoe', '9')")
    office.put("office/", phone_book=b"owner,home,work\nann,1,2\nbob,1,1\ncid,,3\nann,3,\n")
    assert migrate(office, tables=["phones"]) == {"phones": (6, 3, 0, 1, 2)}
    assert office.rows("phones", "office")[:3] == ["(ann,1)", "(bob,1)", "(cid,3)"]
    assert office.rejections("line", "codes", "raw") == [
        (2, "conflict", "ann,1,2"),
        (5, "conflict", "ann,3,"),
    ]
    key = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'phones_pkey'"
    assert office.database.query(key) == [("PRIMARY KEY (owner)",)]


def test_tables_named_like_ledger_fields_are_counted(office: Forge) -> None:
    office.put("office/", seconds=b"second\n1\n2\n2\n", memory_mb=b"megabyte\n1\nx\n")
    assert migrate(office, tables=["seconds", "memory_mb"]) == {
        "seconds": (3, 2, 0, 1, 0),
        "memory_mb": (2, 1, 0, 0, 1),
    }


def test_each_column_type_is_migrated(office: Forge, kitchen: Dataset, csv_part: Any) -> None:
    table: Table = kitchen.table("everything")
    header, body = csv_part(Random(3), table)
    office.put("kitchen/", everything=",".join(header).encode() + b"\n" + body)
    [counts] = office.migration(
        {"dataset": "kitchen", "tables": ["everything"], "quality_threshold": 0}, 500
    ).run()["tables"]
    assert counts["loaded"] > 10
    stored = office.database.query("SELECT * FROM kitchen.everything")
    assert len(stored) == counts["loaded"]
    again = office.migration({"dataset": "kitchen", "tables": ["everything"], "quality_threshold": 0}).run()[
        "tables"
    ]
    assert again[0] == counts | {"loaded": 0, "unchanged": counts["loaded"]}
