"""Keys and references that init proposes for published file sets, against the lists in the sets' documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from discovery.draft import draft_dataset
from discovery.drafts import DatasetDraft
from discovery.folders.folder import take_inventory
from discovery.folders.folder_store import objects_of, store_of
from discovery.structure.words import singular
from local.config import ROOT

REAL = ROOT.parent / "shared" / "data" / "real"
_TABLE = re.compile(r"- (\w+): key \(([^)]*)\)(?:; (.*))?$")


@dataclass(frozen=True)
class Expected:
    """The least keys that are right, the least references that are found, and the most that are not listed."""

    keys: int
    found: int
    false: int


EXPECTED = {
    "btw25": Expected(4, 2, 0),
    "f1": Expected(15, 21, 0),
    "gtfs_cherriots": Expected(9, 6, 0),
    "northwind": Expected(11, 11, 0),
    "sakila": Expected(15, 20, 1),
    "synthea": Expected(16, 34, 0),
}
"""Sets whose columns have names. Sakila's list lacks the reference of staff to store."""

POSITIONS = {
    "openflights": (
        {"airlines": ("airline_id",), "airports": ("airport_id",), "countries": (), "planes": ("name",)},
        {("routes", "airline_id", "airlines"), ("routes", "airport_id", "airports")},
    ),
    "usda_sr": (
        {"food_des": ("food_des_code",), "langual": ("food_des_code", "langdesc_code"), "footnote": ()},
        {
            ("food_des", "fd_group_code", "fd_group"),
            ("footnote", "food_des_code", "food_des"),
            ("footnote", "nutr_def_id", "nutr_def"),
            ("langual", "food_des_code", "food_des"),
            ("langual", "langdesc_code", "langdesc"),
            ("weight", "food_des_code", "food_des"),
        },
    ),
}
"""Sets without headers: keys and references with the names that they give to their columns."""


def drafted(name: str) -> DatasetDraft:
    """The draft of a set."""
    folder = REAL / name
    if not folder.is_dir():
        pytest.skip(f"../shared/data/real/{name} is absent")
    s3 = store_of(folder)
    inventory = take_inventory(s3, list(objects_of(folder)), lambda _: None)
    return draft_dataset(s3, name, name, inventory, lambda _: None)


def plain(name: str) -> str:
    """A name without separators and case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def listed(name: str) -> dict[str, tuple[set[str], set[tuple[str, str]]]]:
    """The keys and references that the README lists for a set."""
    _, _, section = (REAL / "README.md").read_text().partition(f"\n## {name}\n")
    tables = {}
    for line in section.split("\n## ")[0].splitlines():
        if found := _TABLE.match(line):
            key = set() if found[2] == "none" else set(map(plain, found[2].split(",")))
            pairs = [part.split(" -> ") for part in (found[3] or "").split(", ") if part]
            tables[thing(found[1])] = key, {(plain(column), thing(parent)) for column, parent in pairs}
    return tables


def thing(table: str) -> str:
    """A table's name in the singular, plain."""
    return singular(plain(table))


@pytest.mark.parametrize("name", EXPECTED)
def test_documented_keys_and_references_are_found(name: str) -> None:
    tables = {thing(table.name): table for table in drafted(name).tables}
    names = {t.name: {c.header: c.name for c in t.columns} for t in tables.values()}
    keys = found = false = 0
    for table, (key, references) in listed(name).items():
        draft = tables[table]
        keys += set(map(plain, draft.key)) == key
        said = {(plain(names[draft.name][c]), thing(r.parent)) for r in draft.references for c in r.columns}
        found += len(said & references)
        false += len(said - references)
    expected = EXPECTED[name]
    assert keys >= expected.keys
    assert found >= expected.found
    assert false <= expected.false


@pytest.mark.parametrize("name", POSITIONS)
def test_columns_without_a_header_are_named_by_keys_and_references(name: str) -> None:
    tables = {table.name: table for table in drafted(name).tables}
    keys, references = POSITIONS[name]
    assert {table: tables[table].key for table in keys} == keys
    said = {(t.name, r.column, r.parent) for t in tables.values() for r in t.references}
    assert references <= said
