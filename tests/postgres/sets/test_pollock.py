"""The files of Pollock, a public benchmark of polluted CSV files, are migrated as their parameters describe them.

The files are in ../shared/data/pollock beside the project, where they exist. `make test` covers some;
with REAL_SETS=all, all are covered (tests/prove/test_real_sets.py).
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable
from types import ModuleType, new_class
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from dataforge import Csv, Header, Row, Text
from local.config import ROOT

if TYPE_CHECKING:
    from tests.postgres.sets.conftest import Project

POLLOCK = ROOT.parent / "shared" / "data" / "pollock"
COLUMNS = (
    "date",
    "time",
    "qty",
    "productid",
    "price",
    "producttype",
    "productdescription",
    "url",
    "comments",
)
DAMAGED_HEADERS = ("row_extra_quote0_col0", "row_less_sep_row0_col1")
"""Files whose first line is damaged: it is skipped, and the columns are declared by their order."""

pytestmark = pytest.mark.skipif(not POLLOCK.is_dir(), reason="../shared/data/pollock is absent")

Records = Counter[tuple[str, ...]]


def stems() -> list[str]:
    """The names of the files that are covered; an empty file cannot be a file of a table."""
    found = [path.stem for path in sorted((POLLOCK / "csv").iterdir())]
    if os.environ.get("REAL_SETS") == "all":
        return found
    return [stem for stem in found if stem.startswith("file_") or stem in DAMAGED_HEADERS][::4]


def dialect(stem: str, parameters: dict[str, Any]) -> Csv:
    """The dialect that the parameters describe. Without an escape character, quotes inside a field are text."""
    quote, escape = parameters["quotechar"] or '"', parameters["escapechar"]
    skipped = stem in DAMAGED_HEADERS
    return Csv(
        delimiter=parameters["delimiter"] or ",",
        quote=quote,
        escape=escape if escape not in {"", quote} else None,
        doubled=escape == quote,
        strict=escape == quote,
        header=0 if skipped else int(parameters["header_lines"]),
        skip=int(parameters["preamble_lines"]) + skipped,
        null=(),
        quoted_null=False,
        further_tables=True,
    )


def declare_table(stem: str) -> type[Row]:
    """A row model with the columns as texts."""
    parameters = json.loads((POLLOCK / "parameters" / f"{stem}.csv_parameters.json").read_text())
    names = parameters["column_names"] or COLUMNS
    fields = {c: Annotated[Text, Header(n)] for c, n in zip(COLUMNS, names, strict=True)}
    body = {"__annotations__": fields, "__doc__": "A file of Pollock.", "__module__": "pollock"}
    table = re.sub(r"\W", "_", stem).lower()
    settings = {"table": table, "file": f"{stem}.csv", "format": dialect(stem, parameters)}
    return new_class(stem, (Row,), settings, lambda namespace: namespace.update(body))


def clean_records(stem: str) -> Records:
    """The records that a perfect reader finds."""
    text = (POLLOCK / "clean" / f"{stem}.csv").read_text()
    rows = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))]
    return Counter(rows if stem == "file_no_header" else rows[1:])


def test_undamaged_records_are_read_exactly_and_the_others_are_rejected(
    declare: Callable[[ModuleType], Project],
) -> None:
    models = {stem: declare_table(stem) for stem in stems()}
    module = ModuleType("pollock")
    vars(module).update(models)
    project = declare(module)
    project.put({f"{stem}.csv": (POLLOCK / "csv" / f"{stem}.csv").read_bytes() for stem in models})
    counts = {table["table"]: table for table in project.migrate(quality_threshold=0)["tables"]}
    lines: dict[str, set[int]] = {}
    for table, line in project.forge.rejections("table", "line"):
        lines.setdefault(table, set()).add(line)
    for stem, model in models.items():
        table = model.__table_name__
        _check(stem, counts[table], _stored(project, table), lines.get(table, set()))


def _stored(project: Project, table: str) -> Records:
    rows = project.forge.database.query(f"SELECT * FROM pollock.{table}")
    return Counter(tuple(row[: len(COLUMNS)]) for row in rows)


def _check(stem: str, counts: dict[str, int], stored: Records, rejected_lines: set[int]) -> None:
    """Of the records of ``clean/``, those of the damaged lines are missing, and nothing else is stored."""
    clean = clean_records(stem)
    assert counts["deduplicated"] == counts["unchanged"] == 0
    assert counts["loaded"] == stored.total()
    assert stored <= clean, stem
    missing = (clean - stored).total()
    assert missing == damaged_records(stem), stem
    assert counts["rejected"] == missing + further_records(stem) == len(rejected_lines)


def damaged_records(stem: str) -> int:
    """The number of records that the pollution damages."""
    if stem == "file_field_delimiter_0x20":
        # Blanks inside of texts are not quoted there.
        return 49
    return 1 if stem.startswith("row_") and stem not in DAMAGED_HEADERS else 0


def further_records(stem: str) -> int:
    """The number of records of a second table, with its header."""
    return 83 if stem.startswith("file_multitable") else 0
