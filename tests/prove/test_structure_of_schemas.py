"""Keys and references of widely used and of random schemas: how many are found, and how many are right."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from discovery.draft import draft_dataset
from discovery.folders.folder import take_inventory
from discovery.folders.folder_store import objects_of, store_of
from tests.prove.schemas.public import SCHEMAS
from tests.prove.schemas.random_schemas import random_schema
from tests.prove.schemas.rows import Row, generated, parsed
from tests.prove.schemas.score import Score, structure_of


def assert_good(score: Score) -> None:
    """The limits of the project: 95 % of keys, precision of 95 % and recall of 90 % of references."""
    differences = "\n".join(score.differences)
    assert score.keys >= 0.95 * score.tables, differences
    assert score.invented <= 0.1 * score.keyless, differences
    assert score.found >= 0.95 * score.said, differences
    assert score.found >= 0.9 * score.references, differences


@pytest.mark.parametrize("seed", [1, 2])
def test_structure_of_widely_used_schemas_is_found(seed: int) -> None:
    score = Score()
    for name, text in SCHEMAS.items():
        specs = parsed(text)
        score.add(name, specs, structure_of(generated(specs, seed)))
    assert_good(score)


def test_structure_of_random_schemas_is_found() -> None:
    score = Score()
    for seed in range(15):
        specs = random_schema(seed)
        score.add(str(seed), specs, structure_of(generated(specs, seed)))
    assert_good(score)


@pytest.mark.parametrize("seed", range(100, 106))
def test_files_of_random_schemas_give_the_structure_of_their_rows(seed: int, tmp_path: Path) -> None:
    specs = random_schema(seed)
    rows = generated(specs, seed)
    for table, content in rows.items():
        write(tmp_path / f"{table}.csv", content)
    s3 = store_of(tmp_path)
    inventory = take_inventory(s3, list(objects_of(tmp_path)), lambda _: None)
    draft = draft_dataset(s3, "random", "folder", inventory, lambda _: None)
    expected = structure_of(rows)
    assert sorted(len(t.key) for t in draft.tables) == sorted(
        len(key or ()) for key in expected.keys.values()
    )
    found = {(r.columns, r.parent_columns, r.coverage) for t in draft.tables for r in t.references}
    assert found == {(r.columns, r.parent_columns, r.coverage) for r in expected.references}


def write(file: Path, rows: list[Row]) -> None:
    """Write rows as CSV; NULL is an empty field."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
