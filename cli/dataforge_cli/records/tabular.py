"""Records read from CSV and Parquet by the code of migrations, with the same reasons for rejection."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from dataforge.formats.csv_header import HEADER_BYTES, check_header, read_header
from dataforge.formats.csv_records import read_record
from dataforge.formats.csv_stream import BufferedRecords, RawRecord, raw_records, stream_records
from dataforge.formats.dialect_reader import Record
from dataforge.records.violation import Violation
from dataforge_cli.records.declared import Declared, read_dialect
from dataforge_cli.records.json_lines import Read, Sent, Unreadable

BUFFER = 1 << 20
"""Bytes of a CSV file per read."""


def read_csv(
    stream: IO[bytes],
    table: str,
    columns: Sequence[str] = (),
    name: str = "CSV",
    declared: Declared | None = None,
) -> Iterator[Read]:
    """Yield records from CSV (RFC 4180, UTF-8 with an optional BOM), all for ``table``. An empty field is omitted.

    ``columns``: the table's columns, if known; ``declared``: its file, whose dialect, headers and formats apply.
    Raises ``ValueError`` for a missing or invalid header, and
    ``dataforge.errors.InvalidInput`` for input that a migration refuses.
    """
    if declared and not declared.source.dialect.is_standard:
        for found, fields in read_dialect(stream, declared, name):
            yield _read(found, fields, table)
        return
    if declared:
        columns = declared.source.names.texts
    # The header comes first, and alone: without a LF after it, the records may have no end in the buffer.
    head = stream.read(HEADER_BYTES)
    header, start = read_header(name, head, columns)
    if not all(header) or len({*header}) != len(header):
        raise ValueError("the first line must name the columns, each once")
    check_header(name, header, columns)
    header = declared.source.names.columns(header) if declared else header
    line = 1 + head.count(b"\n", 0, start)
    read = _read_after(head[start:], stream)
    del head
    for records in stream_records(read, name, start, line, buffer=BUFFER):
        yield from _records(records, header, table, declared)


def _read_after(begun: bytes, stream: IO[bytes]) -> Callable[[int], bytes]:
    """A reader of these bytes, followed by the stream."""
    rest = begun

    def read(size: int) -> bytes:
        nonlocal rest
        taken, rest = rest[:size], rest[size:]
        return taken + stream.read(size - len(taken)) if len(taken) < size else taken

    return read


def _records(
    records: BufferedRecords, header: tuple[str, ...], table: str, declared: Declared | None
) -> Iterator[Read]:
    names = declared.source.names if declared else None
    for record in raw_records(records.data, records.line):
        found = read_record(header, record.raw, record.malformed, names)
        yield _read(
            record, declared.typed(found) if declared and isinstance(found, Mapping) else found, table
        )


def _read(record: RawRecord | Record, found: Mapping[str, Any] | list[Violation], table: str) -> Read:
    if isinstance(found, Mapping):
        return Sent(record.line, table, json.dumps(found, ensure_ascii=False), len(record.raw))
    codec = record.codec if isinstance(record, Record) else "utf-8"
    text = record.raw.decode(codec, errors="backslashreplace").removesuffix("\n").removesuffix("\r")
    return _unreadable(record.line, table, {"csv": text}, found, len(record.raw))


def _unreadable(
    line: int, table: str, data: Mapping[str, str | None], found: Sequence[Violation], size: int
) -> Unreadable:
    errors = [
        {"pointer": f"/data/{v.column}" if v.column else "/data", "code": v.code, "message": v.message}
        for v in found
    ]
    document = {"table": table, "data": data, "errors": errors}
    kept = json.dumps(document, ensure_ascii=False).encode()
    return Unreadable(line, kept, "; ".join(v.message for v in found), size, found[0].code)


def read_parquet(path: Path, table: str, columns: Sequence[str]) -> Iterator[Read]:
    """Yield the rows of a Parquet file. The line of a row is its number plus one, as if the file had a header.

    Raises ``dataforge.errors.InvalidInput`` for input that a migration refuses.
    """
    # Importing Arrow takes as long as the rest of a command.
    from dataforge.formats.parquet_source import check_schema, rows_of  # noqa: PLC0415

    check_schema(path.name, path, columns)
    for rows in rows_of(path.name, lambda: path):
        for index in range(len(rows)):
            line = rows.first + index + 2
            if violations := rows.broken.get(index):
                yield _unreadable(line, table, json.loads(rows.raw(index)), violations, 0)
                continue
            data = {
                name: text for name, texts in rows.texts.items() if (text := texts[index].as_py()) is not None
            }
            yield Sent(line, table, json.dumps(data, ensure_ascii=False), 0)
