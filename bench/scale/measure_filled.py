"""Measure migrations into filled tables: few new rows, the same rows again, and as many new rows as stored ones."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg2

from bench.scale.run import Run
from bench.scale.weekly import Filled
from bench.server import Server
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import MIGRATION_RUN
from dataforge.postgres.unwritten import observe
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import DATASETS
from local.generate import generate

_NEW_IN = 20
"""Of few new rows: one for as many stored ones."""
_SENT_IN = 100
"""Of the same rows sent again: one new row for as many."""
_OFF = "SET max_parallel_maintenance_workers = 0; SET max_parallel_workers_per_gather = 0"
_TABLES = DATASETS["olist"].tables


def measure_filled(running: Server, folder: Path, made: Path, orders: int) -> Filled:
    """The constants of runs beside the ``orders`` of ``folder``; ``made`` is for their files."""
    few, again, many = (made / name for name in ("few", "again", "many"))
    generate(few, orders=orders // _NEW_IN, seed=8)
    generate(many, orders=orders, seed=9)
    stored, new = _megabytes(folder), _megabytes(few)
    _fill(running, "filled", folder)
    inserting = _loaded(running, "filled", few)
    _settle(inserting)
    inserted = inserting.publish()
    _tidy(running, "filled")
    scanned = _scan(inserting)
    generate(again, orders=orders // _SENT_IN, seed=10)
    beside = _megabytes(again)
    _append(again, folder)
    comparing = _loaded(running, "filled", again)
    compared, published = _settle(comparing), comparing.publish()
    _fill(running, "rebuilt", folder)
    rebuilding = _loaded(running, "rebuilt", many)
    both = stored + _megabytes(many)
    rebuilt = _settle(rebuilding)
    return Filled(
        measured=datetime.now(UTC).date().isoformat(),
        insert_seconds=round(inserted / new, 4),
        scan_seconds=round(scanned / (stored + new), 5),
        compare_seconds=round(compared / (stored + beside), 4),
        publish_again_seconds=round((published - inserted * beside / new) / (stored + beside), 4),
        rebuild_seconds=round(rebuilt / both, 4),
        swap_seconds=round(rebuilding.publish() / both, 5),
        far_pages=round(sum(_far_pages(t) * _rows(few, t) for t in _TABLES.values()) / _rows(few), 2),
    )


def _fill(running: Server, database: str, folder: Path) -> None:
    running.create(database)
    run = _loaded(running, database, folder)
    _settle(run)
    run.publish()
    run.close()
    _tidy(running, database)


def _loaded(running: Server, database: str, folder: Path) -> Run:
    run = Run(running, database, folder, {"quality_threshold": 0})
    run.plan()
    run.scan()
    run.load()
    with run.control.db.cursor() as cursor:
        cursor.execute(_OFF)
    run.control.db.commit()
    return run


def _settle(run: Run) -> float:
    """Resolve all tables; the seconds of the longest of each wave, in sum."""
    return sum(max(run.settle(wave)) for wave in run.waves)


def _scan(run: Run) -> float:
    """The seconds of one scan of each table for the proof that it was not written."""

    def work() -> None:
        with transaction(run.control.db, role=MIGRATION_RUN) as cursor:
            for table in _TABLES.values():
                observe(cursor, table)

    return run.control.spent(work)[1]


def _tidy(running: Server, database: str) -> None:
    with closing(psycopg2.connect(running.superuser_url(database))) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
            cursor.execute("CHECKPOINT")


def _append(target: Path, source: Path) -> None:
    """Append the rows of each file of ``source`` to that of ``target``."""
    for path in source.glob("*.csv"):
        with path.open("rb") as rows, (target / path.name).open("ab") as file:
            rows.readline()
            while part := rows.read(1 << 20):
                file.write(part)


def _far_pages(table: Table) -> int:
    """Pages that a new row touches far from those of the row before it, if rows are inserted in the order of their key.

    Those of an index and of a parent, whose row is locked, unless their first column is the key's.
    """
    first = table.identity[0]
    keys = [key for key in table.foreign_keys if key.columns[0] != first]
    return sum(1 for columns in table.indexes.values() if columns[0] != first) + 2 * len(keys)


def _rows(folder: Path, table: Table | None = None) -> int:
    tables = [table] if table else list(_TABLES.values())
    return sum((folder / str(one.file)).read_bytes().count(b"\n") for one in tables)


def _megabytes(folder: Path) -> float:
    return sum(f.stat().st_size for f in folder.glob("*.csv")) / 2**20
