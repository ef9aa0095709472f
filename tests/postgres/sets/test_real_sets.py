"""File sets that other people published are migrated from their untouched files by a module and nothing else.

The files are in ../shared/data/real beside the project, where they exist. `make test` covers one set; with REAL_SETS=all,
all are covered (tests/prove/test_real_sets.py).
"""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from local.config import ROOT
from tests.postgres.sets.oracle import delivered, in_files, read_counts

if TYPE_CHECKING:
    from tests.postgres.sets.conftest import Project

REAL = ROOT.parent / "shared" / "data" / "real"
ALL = os.environ.get("REAL_SETS") == "all"

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/real is absent")


@dataclass(frozen=True)
class Expected:
    """What is known of a set: the rejections by table and code, and the orphans of references that are not enforced."""

    rejected: dict[str, int] = field(default_factory=dict)
    orphans: dict[str, int] = field(default_factory=dict)
    quality_threshold: float = 1


EXPECTED = {
    "northwind": Expected(
        rejected={"customers": 24, "suppliers": 9, "orders": 176},
        orphans={"products.supplier_id": 25, "orders.customer_id": 0, "order_details.order_id": 439},
        quality_threshold=0.65,
    ),
    "sakila": Expected(),
    "f1": Expected(
        rejected={"races": 24},
        orphans={
            "constructor_results.race_id": 180,
            "constructor_standings.race_id": 180,
            "driver_standings.race_id": 372,
            "pit_stops.race_id": 645,
            "qualifying.race_id": 360,
            "results.race_id": 359,
            "sprint_results.race_id": 60,
        },
        quality_threshold=0.97,
    ),
    "gtfs_cherriots": Expected(),
    "synthea": Expected(),
    "openflights": Expected(orphans={"routes.source_airport_id": 263, "routes.destination_airport_id": 267}),
    "usda_sr": Expected(),
    "btw25": Expected(),
}


@pytest.fixture(params=EXPECTED if ALL else ["northwind"])
def name(request: pytest.FixtureRequest) -> str:
    """The name of a set."""
    return str(request.param)


def test_set_is_migrated_from_its_untouched_files(
    declare: Callable[[ModuleType], Project], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module, expected = import_module(f"tests.real_sets.{name}"), EXPECTED[name]
    project = declare(module)
    files = {path.name: path.read_bytes() for path in sorted((REAL / name).iterdir())}
    project.put(files)

    output = project.migrate(quality_threshold=expected.quality_threshold)
    _check_counts(project, expected, output)
    again = project.migrate(quality_threshold=expected.quality_threshold)
    assert all(t["loaded"] == 0 and t["unchanged"] + t["rejected"] == t["read"] for t in again["tables"])

    loaded = {table: project.rows(table) for table in project.dataset.tables}
    _check_delivery(project, files)
    _check_restore(project, loaded)
    with capsys.disabled():
        print(_line(module, files, output))  # noqa: T201  a line of the table that `make prove` shows


def _check_counts(project: Project, expected: Expected, output: dict[str, Any]) -> None:
    """The counts of the first migration, and the reasons of the rejections."""
    assert output["ignored_files"] == []
    tables = {table["table"]: table for table in output["tables"]}
    readme = dict(read_counts((REAL / "README.md").read_text(), project.name))
    assert {project.dataset.table(n).file: t["read"] for n, t in tables.items()} == readme
    for name, table in tables.items():
        rejected = expected.rejected.get(name, 0)
        assert (table["loaded"], table["rejected"]) == (table["read"] - rejected, rejected), table
        assert table["unchanged"] == table["deduplicated"] == 0
    codes = Counter(project.forge.rejections("table", "codes"))
    assert codes == {(table, "field_count"): count for table, count in expected.rejected.items()}
    _check_orphans(project, expected)


def _check_orphans(project: Project, expected: Expected) -> None:
    loose = {
        f"{table.name}.{key.columns[0]}": key
        for table in project.dataset.tables.values()
        for key in table.references
        if not key.enforced
    }
    assert loose.keys() == expected.orphans.keys()


def _check_delivery(project: Project, files: dict[str, bytes]) -> None:
    """The delivered records are those of the file that were not rejected, as values."""
    for table in project.dataset.tables.values():
        records = project.deliver(table.name)
        assert delivered(table, records) == in_files(project.dataset, table, files[table.file or ""]), (
            table.name
        )


def _check_restore(project: Project, loaded: dict[str, list[str]]) -> None:
    """A backup restores damaged tables to what they were; in `make test`, one of them."""
    project.back_up()
    for number, table in enumerate(loaded if ALL else [next(iter(loaded))]):
        project.damage(table)
        assert len(project.rows(table)) < len(loaded[table])
        project.restore(table, swap=bool(number % 2))
        assert project.rows(table) == loaded[table]


def _line(module: ModuleType, files: dict[str, bytes], output: dict[str, Any]) -> str:
    """A line of the table: set, files, records, rejections, lines of the module."""
    read, rejected = (sum(table[count] for table in output["tables"]) for count in ("read", "rejected"))
    lines = len(inspect.getsource(module).splitlines())
    return f"\n| {output['dataset']} | {len(files)} | {read:,} | {rejected} | {lines} |"
