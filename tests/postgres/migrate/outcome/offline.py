"""The figures of a migration into empty tables, and those of ``dataforge check`` for the same files."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataforge.tables.catalogue import Dataset
from discovery.check.check import check_folder
from discovery.check.plan import RANGE_BYTES
from tests.postgres.migrate.conftest import Forge, Migration

Figures = dict[str, dict[str, Any]]


def checked(dataset: Dataset, files: Mapping[str, bytes], range_bytes: int = RANGE_BYTES) -> Figures:
    """The figures of a check of a folder with these files, which are read in ranges of about this size."""
    with tempfile.TemporaryDirectory() as name:
        for path, body in files.items():
            Path(name, path).parent.mkdir(parents=True, exist_ok=True)
            Path(name, path).write_bytes(body)
        result = check_folder(dataset, Path(name), say=lambda _: None, workers=0, range_bytes=range_bytes)
    return {
        table.table: {
            "read": table.read,
            "loaded": table.loaded,
            "deduplicated": table.deduplicated,
            "rejected": table.rejected,
            "codes": dict(table.codes),
            "orphans": sorted(
                (orphans.model_dump(mode="json") for orphans in table.orphans.values()), key=str
            ),
            "reasons": sorted((r.code, r.column or "", r.rows) for r in table.reasons),
            "suggestions": sorted((s.column or "", s.text) for s in table.suggestions),
            "cleanings": dict(table.cleanings),
            "examples": {
                code: [(e.file, e.line, e.raw.rstrip("\r\n")) for e in found]
                for code, found in table.examples.items()
                if code in {"conflict", "foreign_key"}
            },
        }
        for table in result.tables
    }


def migrated(forge: Forge, run: Migration, report: Any) -> Figures:
    """The figures of a migration that has run."""
    codes: dict[str, Counter[str]] = {}
    examples: dict[str, dict[str, list[tuple[str, int, str]]]] = {}
    query = (
        "SELECT \"table\", errors->0->>'code', file, line, raw #>> '{}' FROM dataforge.rejections"
        " WHERE migration_id = %s ORDER BY file, line, id"
    )
    for table, code, file, line, raw in forge.database.query(query, run.id):
        codes.setdefault(table, Counter())[code] += 1
        shown = examples.setdefault(table, {}).setdefault(code, [])
        if code in {"conflict", "foreign_key"} and len(shown) < 3:
            shown.append((file.partition("/")[2], line, raw))
    return {
        table["table"]: {
            "read": table["read"],
            "loaded": table["loaded"] + table["unchanged"],
            "deduplicated": table["deduplicated"],
            "rejected": table["rejected"],
            "codes": dict(codes.get(table["table"], {})),
            "orphans": sorted((found for found in table["orphans"] if found["rows"]), key=str),
            "reasons": sorted((r["code"], r["column"] or "", r["rows"]) for r in table["rejections"]),
            "suggestions": sorted((s["column"] or "", s["text"]) for s in table["suggestions"]),
            "cleanings": table["cleanings"],
            "examples": {c: s for c, s in examples.get(table["table"], {}).items() if s},
        }
        for table in report["tables"]
    }
