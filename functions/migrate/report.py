"""The report of a migration: report.json for programs, report.html for people, and the execution's output."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from dataforge.database import Connection, transaction
from dataforge.objects import put_json
from dataforge.roles import OWNER
from dataforge.rows import ROW_HASH
from dataforge.settings import MigrationSettings
from functions.migrate.page import render
from functions.migrate.run import Run, read_run

COUNTS = ("read", "loaded", "unchanged", "deduplicated", "rejected")
_EXAMPLES = 3


def report(db: Connection, s3: Any, settings: MigrationSettings, run_id: str) -> dict[str, Any]:
    """Write report.json and report.html below the run's folder; returns the execution's output.

    Repeating it writes the same documents again.
    """
    with transaction(db, role=OWNER) as cursor:
        run = read_run(cursor, run_id)
        document = _document(cursor, run)
    key = f"{run.folder}report.json"
    put_json(s3, settings.report_bucket, key, document)
    s3.put_object(
        Bucket=settings.report_bucket,
        Key=f"{run.folder}report.html",
        Body=render(document).encode(),
        ContentType="text/html; charset=utf-8",
    )
    tables = [{name: t[name] for name in ("table", *COUNTS, "quality")} for t in document["tables"]]
    summary = {name: document[name] for name in ("migration_id", "status", "dataset", "quality")}
    return {**summary, "tables": tables, "report": f"s3://{settings.report_bucket}/{key}"}


def _document(cursor: Any, run: Run) -> dict[str, Any]:
    cursor.execute(
        "SELECT status, quality, error, cause, started_at, coalesce(finished_at, now()) FROM dataforge.migrations"
        " WHERE migration_id = %s",
        (run.id,),
    )
    status, quality, error, cause, started, finished = cursor.fetchone()
    reasons, cleanings = _reasons(cursor, run), _cleanings(cursor, run)
    return {
        "migration_id": run.id,
        "execution": run.execution,
        "dataset": run.dataset.name,
        "prefix": run.prefix,
        "status": status,
        "error": error,
        "cause": cause,
        "mode": run.mode,
        "quality": _share(quality),
        "quality_threshold": float(run.threshold),
        "row_hash": ROW_HASH,
        "started_at": started.isoformat(),
        "finished_at": finished.isoformat(),
        "seconds": round((finished - started).total_seconds(), 3),
        "tables": [
            t | {"rejections": reasons[t["table"]], "cleanings": cleanings[t["table"]]}
            for t in _tables(cursor, run)
        ],
        "files": _files(cursor, run),
    }


def _share(quality: Decimal | None) -> float | None:
    """The quality as a number; None while the run is not reconciled."""
    return None if quality is None else float(quality)


def _tables(cursor: Any, run: Run) -> list[dict[str, Any]]:
    cursor.execute(
        f'SELECT "table", {", ".join(COUNTS)}, quality, source_hash, target_hash FROM dataforge.migration_tables'
        " WHERE migration_id = %s",
        (run.id,),
    )
    rows = {row[0]: row for row in cursor.fetchall()}
    found = []
    for table in run.tables:
        if table.name in rows:
            name, *counts, quality, source, target = rows[table.name]
            found.append(
                {"table": name, **dict(zip(COUNTS, counts, strict=True))}
                | {"quality": _share(quality), "source_hash": source, "target_hash": target}
            )
    return found


def _reasons(cursor: Any, run: Run) -> dict[str, list[dict[str, Any]]]:
    """Per table and code: how many rows were rejected for it, and where the first ones are. No content of a record."""
    cursor.execute(
        "SELECT \"table\", e->>'code', e->>'column', count(DISTINCT id),"
        " (array_agg(file || ':' || line ORDER BY file, line))[1:%s]"
        " FROM dataforge.rejections, jsonb_array_elements(errors) e WHERE migration_id = %s"
        " GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3",
        (_EXAMPLES, run.id),
    )
    reasons: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for table, code, column, rows, examples in cursor.fetchall():
        reasons[table].append({"code": code, "column": column, "rows": rows, "first": examples})
    return reasons


def _cleanings(cursor: Any, run: Run) -> dict[str, dict[str, int]]:
    cursor.execute(
        "SELECT t.key, t.value->'cleanings' FROM dataforge.migration_chunks, jsonb_each(result) t WHERE migration_id = %s",
        (run.id,),
    )
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for table, counts in cursor.fetchall():
        totals[table].update(counts)
    return {table: dict(counts) for table, counts in totals.items()} | {
        t.name: {} for t in run.tables if t.name not in totals
    }


def _files(cursor: Any, run: Run) -> list[dict[str, Any]]:
    cursor.execute(
        "SELECT bucket, key, etag, size, count(chunk) FROM dataforge.migration_files"
        " LEFT JOIN dataforge.migration_chunks c USING (migration_id, file_number)"
        " WHERE migration_id = %s AND c.first_byte IS NOT NULL GROUP BY file_number, bucket, key, etag, size"
        " ORDER BY file_number",
        (run.id,),
    )
    names = ("bucket", "key", "etag", "size", "chunks")
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
