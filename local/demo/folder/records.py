"""Send rows of the tables back through the API, and read a whole table in pages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import psycopg2

from dataforge.tables.catalogue import Column, Table
from local.demo import show
from local.demo.check import same
from local.demo.folder.api import read_page, send
from local.demo.folder.choose import FolderData
from local.demo.folder.database import content, delete_row
from local.demo.steps import Failed
from local.outputs import Outputs

_FEW, _SAMPLE, _TABLES, _PAGED = 3, 50, 100, 200_000


def ingest(outputs: Outputs, data: FolderData, rows: Mapping[str, int]) -> None:
    """Rows of the tables, sent as the API delivers them, are unchanged; a changed one conflicts; a deleted one is new."""
    before = content(outputs, data.dataset)
    tables = [t for t in data.dataset.tables.values() if rows[t.name] and t.columns_are_independent]
    _send_unchanged(outputs, data, [table for table in tables if not table.is_multiset])
    keyed = [table for table in tables if table.key]
    _send_changed(outputs, data, keyed)
    _send_deleted(outputs, data, _children_first(keyed))
    if content(outputs, data.dataset) != before:
        raise Failed("The tables differ from those before the records were sent.")
    show.line("The content of all tables is the same as before.")


def _children_first(tables: list[Table]) -> list[Table]:
    parents = {key.parent for table in tables for key in table.foreign_keys}
    return sorted(tables, key=lambda table: table.name in parents)


def _send_unchanged(outputs: Outputs, data: FolderData, tables: list[Table]) -> None:
    records = [
        (table.name, line) for table in tables[:_TABLES] for line in read_page(outputs, table, limit=_FEW)[0]
    ]
    if not records:
        show.line("No table has rows that the database identifies: no row can be sent again as the same.")
        return
    counts = send(outputs, data.dataset.name, records)["counts"]
    same("records sent as they were delivered and unchanged", len(records), counts["unchanged"])
    show.line(
        f"{len(records)} rows of {len(tables[:_TABLES])} tables, sent as they were delivered: unchanged."
    )


def _send_changed(outputs: Outputs, data: FolderData, tables: list[Table]) -> None:
    refused: list[str] = []
    for table, column, row in _changed(outputs, tables):
        answer = send(outputs, data.dataset.name, [(table.name, json.dumps(row))])
        codes = [error["code"] for error in answer["results"][0].get("errors", [])]
        if codes == ["conflict"]:
            show.line(f"A row of {table.name} with another {column.name}: rejected with the code conflict.")
            return
        refused.append(f"{table.name}.{column.name}: {answer['results'][0]['status']} {codes}")
        if len(refused) == _FEW:
            break
    if refused:
        raise Failed(f"Changed rows were not rejected as conflicts: {'; '.join(refused)}.")
    show.line("No table has a key and a further column with two values: no row can be sent with a change.")


def _changed(outputs: Outputs, tables: list[Table]) -> Iterator[tuple[Table, Column, dict[str, Any]]]:
    """Rows in which one column has the value of another row, so that it is valid."""
    for table in tables:
        rows = [json.loads(line) for line in read_page(outputs, table, limit=_SAMPLE)[0]]
        for column in _free_columns(table):
            values = [row for row in rows if row[column.name] is not None]
            other = next((row for row in values if row[column.name] != values[0][column.name]), None)
            if other is not None:
                yield table, column, values[0] | {column.name: other[column.name]}


def _free_columns(table: Table) -> list[Column]:
    """The columns that take part in no key, reference or unique constraint."""
    bound = {*table.key, *(c for unique in table.uniques for c in unique.columns)}
    bound |= {c for reference in table.references for c in reference.columns}
    return [column for column in table.columns if column.name not in bound]


def _send_deleted(outputs: Outputs, data: FolderData, tables: list[Table]) -> None:
    for table in tables:
        for line in read_page(outputs, table, limit=_FEW)[0]:
            row = json.loads(line, parse_float=Decimal)
            try:
                deleted = delete_row(outputs, table, {name: row[name] for name in table.key})
            except psycopg2.IntegrityError:
                continue  # rows of other tables refer to it
            same(f"rows of {table.name} deleted by its key", deleted, 1)
            counts = send(outputs, data.dataset.name, [(table.name, line)])["counts"]
            same(f"rows of {table.name} inserted again", counts["inserted"], 1)
            show.line(f"A row of {table.name}, deleted by SQL and sent as it was delivered: inserted.")
            return
    show.line("Rows of other tables refer to every tried row: none can be deleted and sent again.")


def deliver(outputs: Outputs, data: FolderData, rows: Mapping[str, int]) -> None:
    """All rows of one table, in pages: as many as the report counts, and no key twice."""
    known = [table for table in data.dataset.tables.values() if rows[table.name] <= _PAGED]
    if not known:
        show.line(f"Every table has more than {_PAGED:,} rows: none is read in pages.")
        return
    table = max(known, key=lambda table: rows[table.name])
    pages, cursor = 0, ""
    lines: list[str] = []
    while pages == 0 or cursor:
        found, cursor = read_page(outputs, table, cursor=unquote(cursor))
        pages, lines = pages + 1, lines + found
    same(f"{table.name}: rows in pages and loaded", len(lines), rows[table.name])
    if table.key:
        keys = {tuple(str(row[name]) for name in table.key) for row in map(_parsed, lines)}
        same(f"{table.name}: keys in pages and rows loaded", len(keys), rows[table.name])
    show.line(
        f"GET /v1/tables/{table.name}/records: {len(lines):,} rows in {pages} page(s), as many as were loaded."
    )


def _parsed(line: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(line, parse_float=Decimal)
    return row
