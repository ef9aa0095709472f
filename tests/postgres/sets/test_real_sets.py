"""File sets that other people published are migrated from their untouched files by a module and nothing else.

The files are in ../shared/data/real beside the project, where they exist. `make test` covers one set; with REAL_SETS=all,
all are covered (tests/prove/test_real_sets.py).
"""

from __future__ import annotations

import inspect
import io
import os
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.records.validate import row_text, validate
from local.config import ROOT
from tests.postgres.sets.oracle import delivered, in_files, read_counts

if TYPE_CHECKING:
    from tests.postgres.sets.conftest import Project

REAL = ROOT.parent / "shared" / "data" / "real"
ALL = os.environ.get("REAL_SETS") == "all"

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/real is absent")


@dataclass(frozen=True)
class Expected:
    """The results that are expected of a set.

    ``rejected``: damaged records by table, all with another number of fields than the header. ``orphans``: rows by
    references that are not enforced. ``undeclared``: what the module cannot declare.
    """

    rejected: dict[str, int] = field(default_factory=dict)
    orphans: dict[str, int] = field(default_factory=dict)
    quality_threshold: float = 1
    undeclared: str = "-"


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
    "gtfs_cherriots": Expected(
        undeclared="trips.shape_id names a shape, whose key has a second column; GTFS has no table of shapes"
    ),
    "synthea": Expected(
        undeclared="observations.value is a number or a text, depending on the column type: it is stored as text"
    ),
    "openflights": Expected(orphans={"routes.source_airport_id": 263, "routes.destination_airport_id": 267}),
    "usda_sr": Expected(),
    "btw25": Expected(
        undeclared="4 headers exceed the 63 bytes of a PostgreSQL name: their columns have shorter names"
    ),
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
    _check_delivery(project, files, loaded)
    _check_restore(project, loaded)
    with capsys.disabled():
        print(_line(module, expected, files, output))  # noqa: T201  a line of the table that `make prove` shows


@pytest.mark.skipif(not ALL, reason="REAL_SETS=all covers it")
def test_feed_in_an_archive_has_the_same_rows(declare: Callable[[ModuleType], Project]) -> None:
    project = declare(import_module("tests.real_sets.gtfs_cherriots"))
    files = {path.name: path.read_bytes() for path in (REAL / "gtfs_cherriots").iterdir()}
    project.put(files)
    project.migrate()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, body in files.items():
            packed.writestr(name, body)
    project.put({"archive/feed.zip": archive.getvalue()})
    again = project.migrate(prefix=f"{project.name}/archive/")
    assert all(table["unchanged"] == table["read"] > 0 for table in again["tables"])


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
    _check_orphans(project, expected, project.report(output))


def _check_orphans(project: Project, expected: Expected, report: dict[str, Any]) -> None:
    """The report counts the rows whose parents are damaged or missing, and they are stored."""
    found = {
        f"{table['table']}.{orphans['columns'][0]}": orphans["rows"]
        for table in report["tables"]
        for orphans in table["orphans"]
    }
    assert found == expected.orphans


def _check_delivery(project: Project, files: dict[str, bytes], loaded: dict[str, list[str]]) -> None:
    """The delivered records are the rows of the database, and those of the file that were not rejected, as values."""
    for table in project.dataset.tables.values():
        records = project.deliver(table.name)
        assert delivered(table, records) == in_files(project.dataset, table, files[table.file or ""]), (
            table.name
        )
        rows = [validate(table, record, Counter()) for record in records]
        assert sorted(row_text(row) for row in rows if isinstance(row, tuple)) == loaded[table.name]


def _check_restore(project: Project, loaded: dict[str, list[str]]) -> None:
    """A backup restores damaged tables to what they were; in `make test`, one of them."""
    project.back_up()
    for number, table in enumerate(loaded if ALL else [next(iter(loaded))]):
        project.damage(table)
        assert len(project.rows(table)) < len(loaded[table])
        project.restore(table, swap=bool(number % 2))
        assert project.rows(table) == loaded[table]


def _line(module: ModuleType, expected: Expected, files: dict[str, bytes], output: dict[str, Any]) -> str:
    """A line of the table: set, files, records, rejections and their reason, lines of the module, what it cannot declare."""
    read, rejected = (sum(table[count] for table in output["tables"]) for count in ("read", "rejected"))
    reason = f"{rejected} (field_count: {', '.join(expected.rejected)})" if rejected else "0"
    lines = len(inspect.getsource(module).splitlines())
    return f"\n| {output['dataset']} | {len(files)} | {read:,} | {reason} | {lines} | {expected.undeclared} |"
