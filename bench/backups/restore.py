"""Restore in process, compared with pg_restore, and with psql's \\copy for one table."""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2

from bench import goals
from bench.backups.disk_store import DiskStore
from bench.backups.restore_in_process import BACKUP, NO_MAC, Restoring, workers
from bench.data import data
from bench.migration import in_process
from bench.processors import Cost, cost_of, show_costs
from bench.server import MASTER, Server, server
from bench.show import show_table
from dataforge.backups import manifest
from dataforge.backups.manifest import FileEntry, Manifest, TableEntry
from dataforge.backups.page_ranges import on_pages
from dataforge.backups.signatures import Signature, write_signature
from dataforge.bulk import parquet
from dataforge.postgres import ddl
from dataforge.postgres.sql import Sql, ident
from dataforge.records.validate import content_hash
from dataforge.s3.keys import backup_folder, part_key
from dataforge.tables.catalogue import Table
from dataforge.tables.datasets import get_dataset
from functions.restore.build import SORT_MEMORY

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


OLIST = get_dataset("olist")
GEOLOCATIONS = OLIST.table("geolocations")
ROWS = 1_000_000
PEER = "pg_restore -j2 into an empty database"
OURS = "Data Forge, in process, two workers"
PAGES = 16_384
"""Pages in a file of the backup, as by default."""


def main(asked: argparse.Namespace) -> None:
    """Print costs and ratios; rounds of Data Forge and the peers alternate."""
    with tempfile.TemporaryDirectory(prefix="dataforge-bench-data-") as made, server() as running:
        rows = _fill(running, data(asked, Path(made)))
        store = DiskStore(Path(made) / "objects")
        _back_up(running, store)
        dump = Path(made) / "dump"
        _pg(running, "pg_dump", "source", "-Fd", "-j2", "-Z1", "-n", "olist", "-f", str(dump))
        _compare_all(running, store, dump, rows, asked.rounds)
        _compare_one(running, store, Path(made) / "rows.csv", asked.rounds)


def _fill(running: Server, folder: Path) -> int:
    """A database with the folder's data, and further geolocations close to them, a million in all.

    Returns the number of all rows."""
    running.create("source")
    with in_process.workers(running, "source", folder) as pool:
        in_process.migrate(running, "source", folder, pool)
    with closing(psycopg2.connect(running.superuser_url("source"))) as db, db, db.cursor() as cursor:
        cursor.execute(
            "INSERT INTO olist.geolocations SELECT geolocation_zip_code_prefix, geolocation_lat + step * 1e-5,"
            " geolocation_lng, geolocation_city, geolocation_state FROM olist.geolocations,"
            " generate_series(1, (SELECT ceil(%(rows)s::numeric / count(*)) FROM olist.geolocations)) step"
            " LIMIT greatest(%(rows)s - (SELECT count(*) FROM olist.geolocations), 0) ON CONFLICT DO NOTHING",
            {"rows": ROWS},
        )
        cursor.execute(
            Sql("SELECT {}").format(
                Sql(" + ").join(
                    Sql("(SELECT count(*) FROM {})").format(ddl.qualified(table))
                    for table in OLIST.tables.values()
                )
            )
        )
        rows = int(cursor.fetchone()[0])
    with closing(psycopg2.connect(running.superuser_url("source"))) as db:
        db.autocommit = True
        db.cursor().execute("VACUUM ANALYZE")
    return rows


def _back_up(running: Server, store: DiskStore) -> None:
    """A backup of the full database, in files of the usual size."""
    backup_id = "20260101T000000Z-00000000"
    with closing(running.connect("source")) as db:
        db.cursor().execute("SET ROLE dataforge_owner")
        tables = tuple(_entry(db, store, backup_id, table) for table in OLIST.tables.values())
    found = Manifest(
        backup_id=backup_id, dataset="olist", kind="backup", created_at=datetime.now(UTC), tables=tables
    )
    version, sha256 = manifest.write(store, BACKUP, found)
    signature = Signature(version=version, sha256=sha256, mac=NO_MAC)
    write_signature(store, BACKUP, found.dataset, backup_id, signature)


def _entry(db: Connection, store: DiskStore, backup_id: str, table: Table) -> TableEntry:
    files, total = [], 0
    with db.cursor() as cursor:
        for number, condition in enumerate(_parts(cursor, table)):
            body, key = io.BytesIO(), part_key(table.name, number)
            written = parquet.write(cursor, table, parquet.copy_sql(table, condition), body)
            data = body.getvalue()
            store.put_object(Bucket=BACKUP, Key=backup_folder("olist", backup_id) + key, Body=data)
            sha256 = hashlib.sha256(data).hexdigest()
            files.append(FileEntry(key=key, rows=written.rows, size=len(data), sha256=sha256))
            total += written.hash_total
    columns = manifest.column_entries(table)
    return TableEntry(
        table=table.name,
        rows=sum(file.rows for file in files),
        content_hash=content_hash(total),
        schema_fingerprint=manifest.fingerprint(columns),
        columns=columns,
        files=tuple(files),
    )


def _parts(cursor: object, table: Table) -> Iterator[str]:
    cursor.execute("SELECT pg_relation_size(%s::regclass) / 8192", (ddl.qualified(table),))  # type: ignore[attr-defined]
    (pages,) = cursor.fetchone()  # type: ignore[attr-defined]
    for first in range(0, max(pages, 1), PAGES):
        yield on_pages(first, first + PAGES)


def _pg(running: Server, program: str, database: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs, with the memory for index builds that our restore uses."""
    command = [running.psql().with_name(program), "-d", running.superuser_url(database), *arguments]
    memory = {"PGOPTIONS": f"-c maintenance_work_mem={SORT_MEMORY}"}
    subprocess.run(command, check=True, env=os.environ | memory)


def _fresh(running: Server, name: str) -> None:
    with closing(psycopg2.connect(running.superuser_url("postgres"))) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute(Sql("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(ident(name)))
            cursor.execute(Sql("CREATE DATABASE {} OWNER {}").format(ident(name), ident(MASTER)))
            cursor.execute("CHECKPOINT")


def _compare_all(running: Server, store: DiskStore, dump: Path, rows: int, rounds: int) -> None:
    costs: dict[str, list[Cost]] = defaultdict(list)
    laps = []
    for _ in range(rounds):
        _fresh(running, "peer")
        costs[PEER].append(
            cost_of(running, lambda: _pg(running, "pg_restore", "peer", "-j2", "-O", "-x", str(dump)))
        )
        analysis = cost_of(running, lambda: _pg(running, "vacuumdb", "peer", "-q", "-Z", "-j2"))
        costs[f"{PEER}, then vacuumdb -Z -j2"].append(costs[PEER][-1] + analysis)
        running.create("ours")
        with workers(running, "ours", store.folder) as pool:
            run = Restoring(running, "ours", store.folder, pool)
            run.run(tables=list(OLIST.tables))
        costs[OURS].append(run.cost)
        costs["Data Forge without its comparison with the content hash"].append(
            run.cost + Cost(*(-part for part in astuple(run.laps["check_restored"])))
        )
        laps.append(run.laps)
    show_costs(f"Restore of all tables into empty ones, {rows:,} rows", costs, PEER, {OURS: goals.ALL})
    _show_laps("restore of all tables", laps)


def _show_laps(restored: str, laps: list[dict[str, Cost]]) -> None:
    parts = [
        (step, *(f"{statistics.median(astuple(lap[step])[part] for lap in laps):.2f}" for part in range(3)))
        for step in laps[0]
    ]
    head = ("step", "seconds", "server CPU", "client CPU")
    show_table(f"Our steps, {restored} (the safety backup is written after the restore)", head, parts)


DAMAGES = {
    "nothing damaged": "SELECT",
    "1 % deleted, 1 % changed": (
        "DELETE FROM olist.geolocations WHERE hashtext(geolocation_lat::text) % 100 = 1;"
        "UPDATE olist.geolocations SET geolocation_city = geolocation_city || ' x'"
        " WHERE hashtext(geolocation_lat::text) % 100 = 2"
    ),
    "every row changed": "UPDATE olist.geolocations SET geolocation_city = geolocation_city || ' x'",
}


def _compare_one(running: Server, store: DiskStore, rows: Path, rounds: int) -> None:
    """Restore a filled table after several kinds of damage, compared with copying the rows into an empty table."""
    running.create("ours")
    copy = f"COPY {ddl.qualified(GEOLOCATIONS)} TO STDOUT (FORMAT csv)"
    with closing(psycopg2.connect(running.superuser_url("source"))) as db, rows.open("wb") as file:
        cursor = db.cursor()
        cursor.copy_expert(copy, file)
        copied = cursor.rowcount
    costs: dict[str, list[Cost]] = defaultdict(list)
    laps: dict[str, list[dict[str, Cost]]] = {name: [] for name in DAMAGES}
    by_hand = "psql \\copy into an empty table with its keys"
    with workers(running, "ours", store.folder) as pool:
        Restoring(running, "ours", store.folder, pool).run(table="geolocations")
        for _ in range(rounds):
            costs[by_hand].append(_copy(running, rows))
            for name, damage in DAMAGES.items():
                _execute(running, damage)
                run = Restoring(running, "ours", store.folder, pool)
                run.run(table="geolocations")
                costs[f"Data Forge, {name}"].append(run.cost)
                laps[name].append(run.laps)
    works = {f"Data Forge, {name}": goals.ONE for name in DAMAGES}
    show_costs(f"Restore of one filled table, {copied:,} rows", costs, by_hand, works)
    for name, found in laps.items():
        _show_laps(f"one table, {name}", found)


def _execute(running: Server, statements: str) -> None:
    with closing(psycopg2.connect(running.superuser_url("ours"))) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute(statements)
            cursor.execute("VACUUM ANALYZE olist.geolocations")
            cursor.execute("CHECKPOINT")


def _copy(running: Server, rows: Path) -> Cost:
    _fresh(running, "peer")
    with closing(psycopg2.connect(running.superuser_url("peer"))) as db, db, db.cursor() as cursor:
        cursor.execute("CREATE SCHEMA olist")
        cursor.execute(ddl.create_table(GEOLOCATIONS))
        for name, definition in ddl.constraints(GEOLOCATIONS):
            cursor.execute(
                Sql("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                    ddl.qualified(GEOLOCATIONS), ident(name), definition
                )
            )
    script = f"\\copy {ddl.qualified(GEOLOCATIONS)} from '{rows}' with (format csv)"
    return cost_of(running, lambda: _pg(running, "psql", "peer", "-q", "-X", "-c", script))
