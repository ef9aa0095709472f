"""Tables without a key: copies of a row are stored and counted, or identical rows are one row."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from dataforge.errors import MissingColumn
from tests.postgres.bags import declare_bags

if TYPE_CHECKING:
    from tests.postgres.migrate.conftest import Forge

FIGURES = ("read", "loaded", "unchanged", "deduplicated", "rejected")
HEADER = "bird,number,seen,weight,note\n"


@pytest.fixture
def bags(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> Forge:
    """A database with the dataset ``bags``."""
    declare_bags(forge.database, monkeypatch)
    forge.put("bags/", birds=b"bird\nowl\n")
    forge.migrate(dataset="bags", tables=["birds"])
    return forge


def migrate(forge: Forge, lines: list[str], chunk_bytes: int = 1 << 20) -> tuple[int, ...]:
    """The counts of a migration of sightings."""
    forge.put("bags/", sightings=(HEADER + "".join(f"{line}\n" for line in lines)).encode())
    counts = forge.migrate(chunk_bytes, dataset="bags", tables=["sightings"], quality_threshold=0)
    return tuple(counts["sightings"][name] for name in FIGURES)


def test_copies_of_a_row_are_stored_and_unchanged_when_the_run_is_repeated(bags: Forge) -> None:
    lines = ["owl,1,,,", "owl,1,,,", ",,,,x", ",,,,x", ",,,,x", "cat,1,,,", "cat,1,,,"]
    assert migrate(bags, lines, 64) == (7, 5, 0, 0, 2)
    assert bags.rows("sightings", "bags") == ["(,,,,x)"] * 3 + ["(owl,1,,,)"] * 2
    assert bags.rejections("line", "codes") == [(7, "foreign_key"), (8, "foreign_key")]
    assert migrate(bags, lines, 64) == (7, 0, 5, 0, 2)
    assert len(bags.rows("sightings", "bags")) == 5


LINES = st.lists(
    st.sampled_from([",1,,,", ",1,,0,", ",1,,-0,", ",,,,", ",,2020-01-01 00:00:00,,", ',,,,""', ',,,,"a,b"']),
    min_size=1,
    max_size=12,
)


def _alike(lines: list[str]) -> Counter[str]:
    """The copies of each row; PostgreSQL holds 0 and -0 equal, and an empty field is NULL."""
    return Counter(line.replace("-0,", "0,").replace('""', "") for line in lines)


@settings(
    max_examples=5,
    report_multiple_bugs=False,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=LINES, second=LINES, chunk_bytes=st.sampled_from([64, 1 << 20]))
def test_only_the_copies_that_the_table_lacks_are_loaded(
    bags: Forge, first: list[str], second: list[str], chunk_bytes: int
) -> None:
    bags.database.query("TRUNCATE bags.sightings")
    assert migrate(bags, first, chunk_bytes) == (len(first), len(first), 0, 0, 0)
    stored, sent = _alike(first), _alike(second)
    unchanged = (stored & sent).total()
    assert migrate(bags, second, chunk_bytes) == (len(second), len(second) - unchanged, unchanged, 0, 0)
    assert len(bags.rows("sightings", "bags")) == (stored | sent).total()


def test_copies_stored_while_a_run_is_resolved_are_counted_again(bags: Forge) -> None:
    migrate(bags, [",7,,,"])
    bags.put("bags/", sightings=(HEADER + ",1,,,\n" * 3).encode())
    run = bags.migration({"dataset": "bags", "tables": ["sightings"]})
    run.run(publish=lambda: bags.database.query("INSERT INTO bags.sightings (number) VALUES (1), (1), (8)"))
    assert sorted(bags.rows("sightings", "bags")) == ["(,1,,,)"] * 3 + ["(,7,,,)", "(,8,,,)"]


def test_lost_copy_fails_the_reconciliation_with_its_row(bags: Forge) -> None:
    bags.put("bags/", sightings=(HEADER + ",1,,,\n" * 3).encode())
    run = bags.migration({"dataset": "bags", "tables": ["sightings"]}).until("settle")
    shadow = f"shadow_{run.id.lower().replace('-', '_')}.sightings"
    bags.database.query(f"DELETE FROM {shadow} WHERE ctid = (SELECT max(ctid) FROM {shadow})")
    run.settle()
    with pytest.raises(Exception, match="read 3, loaded 2") as raised:
        run.reconcile()
    assert "first 1 rows that differ" in str(raised.value)


@pytest.mark.parametrize("filled", [False, True])
def test_identical_rows_with_nulls_are_one_row_of_a_distinct_table(bags: Forge, filled: bool) -> None:
    if filled:
        bags.database.query("INSERT INTO bags.remarks (note) VALUES ('a'), ('z')")
    wide = "w" * 9000
    lines = [",,a", ",,a", ",0,", ",-0,", f",,{wide}", f",,{wide}", "owl,,", "cat,,"]
    bags.put("bags/", remarks=("bird,weight,note\n" + "".join(f"{line}\n" for line in lines)).encode())
    for loaded, unchanged in ((4 - filled, int(filled)), (0, 4)):
        counts = bags.migrate(4096, dataset="bags", tables=["remarks"], quality_threshold=0)["remarks"]
        assert tuple(counts[name] for name in FIGURES) == (8, loaded, unchanged, 3, 1)
    expected = {"(,,a)", "(,0,)", f"(,,{wide})", "(owl,,)"} | ({"(,,z)"} if filled else set())
    assert set(bags.rows("remarks", "bags")) == expected
    assert len(bags.rows("remarks", "bags")) == len(expected)


def test_rows_that_break_a_check_are_rejected_and_others_of_the_block_loaded(bags: Forge) -> None:
    lines = [",1,,,", ",1000,,,", "owl,5000,bad,,", ",,,,x", ",999,,,"]
    assert migrate(bags, lines) == (5, 3, 0, 0, 2)
    assert bags.rejections("line", "codes") == [(3, "check"), (4, "datetime_parsing")]


def test_sequence_continues_after_migrated_identities(bags: Forge) -> None:
    def generated() -> int:
        insert = "INSERT INTO bags.ringings (bird) VALUES ('owl') RETURNING ring"
        return int(bags.database.query(insert)[0][0])

    bags.database.query("SELECT nextval('bags.ringings_ring_seq') FROM generate_series(1, 40)")
    bags.put("bags/", ringings=b"ring,bird\n7,owl\n30,owl\n")
    assert bags.migrate(dataset="bags", tables=["birds", "ringings"])["ringings"]["loaded"] == 2
    assert generated() == 41
    bags.put("bags/", ringings=b"ring,bird\n7,owl\n300,owl\n")
    for loaded in (1, 0):
        assert bags.migrate(dataset="bags", tables=["ringings"])["ringings"]["loaded"] == loaded
    assert generated() == 301


def test_file_without_the_identity_column_is_refused(bags: Forge) -> None:
    bags.put("bags/", ringings=b"bird\nowl\n")
    with pytest.raises(MissingColumn, match="ring"):
        bags.migrate(dataset="bags", tables=["ringings"])


def test_many_copies_are_compared_in_linear_time(bags: Forge) -> None:
    rows = int(os.environ.get("MULTISET_ROWS", "2000"))
    lines = [f"owl,{n % (rows // 4) % 1000},,{n % (rows // 4)}.5," for n in range(rows - rows // 10)]
    lines += [",,,,the same"] * (rows // 10)
    assert migrate(bags, lines, 16 << 20) == (rows, rows, 0, 0, 0)
    lines += lines[:3]
    assert migrate(bags, lines, 16 << 20) == (rows + 3, 3, rows, 0, 0)
