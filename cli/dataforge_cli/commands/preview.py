"""``dataforge preview``: show how a file is written, and its first records."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from dataforge.visible import visible, visible_line
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.options import Debug, Json
from dataforge_cli.records.sources import BadFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from discovery.files import TextFile, Unread
    from discovery.typed_files import TypedFile

_SHOWN = 10
_WIDEST = 40


class Form(StrEnum):
    """The formats in which records are written."""

    csv = "csv"
    jsonl = "jsonl"


def preview(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Read this file.", show_default=False)],
    everything: Annotated[
        bool, typer.Option("--all", help="Write every record to stdout, in the form of --to.")
    ] = False,
    to: Annotated[
        Form, typer.Option("--to", help="Write records as CSV or as JSON Lines. Requires --all.")
    ] = Form.csv,
    delimiter: Annotated[str | None, typer.Option(metavar="TEXT", help="The text between fields.")] = None,
    quote: Annotated[str | None, typer.Option(metavar="C", help="The quote character, or `none`.")] = None,
    escape: Annotated[str | None, typer.Option(metavar="C", help="The escape character, or `none`.")] = None,
    encoding: Annotated[
        str | None, typer.Option(metavar="NAME", help="The encoding, such as cp1252.")
    ] = None,
    header: Annotated[str | None, typer.Option(metavar="N|none", help="The number of header lines.")] = None,
    skip: Annotated[
        int | None, typer.Option(metavar="N", help="Skip N lines before the header.", min=0)
    ] = None,
    skip_footer: Annotated[
        int | None, typer.Option(metavar="N", help="Skip N records at the end.", min=0)
    ] = None,
    null: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A text that means NULL. Repeatable.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show how a file is written, why, and its first records. No deployment or network is needed.

    The dialect is detected by trying. Options specify parts of it instead. The last line of the output is the declaration
    for the dataset's module. --all writes all records that can be read; the others are listed on stderr with the reason.

    Exit codes: 0 success, 1 the file cannot be read, 2 invalid call.

    **Examples**

    ```
    dataforge preview orders.csv
    dataforge preview export.txt --delimiter ";" --encoding cp1252
    dataforge preview orders.csv --all --to jsonl > orders.jsonl
    ```
    """
    given = {
        "delimiter": delimiter,
        "quote": quote,
        "escape": escape,
        "encoding": encoding,
        "header": header,
        "skip": skip,
        "skip_footer": skip_footer,
        "null": tuple(null) if null else None,
    }
    with calling(stage=None, outputs=None, as_json=as_json, debug=debug) as call:
        _preview(call, file, _arguments(given), to if everything else None)


def _arguments(given: dict[str, Any]) -> dict[str, Any]:
    """The options as arguments of ``Csv``. Raises ``WrongCall``."""
    from dataforge.formats.dialect import Csv  # noqa: PLC0415  loaded only for this command

    known = {name: value for name, value in given.items() if value not in (None, "")}
    for name in ("quote", "escape"):
        if known.get(name) == "none":
            known[name] = None
    if "header" in known:
        text = known["header"]
        if text != "none" and not text.isdigit():
            raise WrongCall(f"--header is {text!r}.", hint="Specify a number of lines, or none.")
        known["header"] = 0 if text == "none" else int(text)
    try:
        Csv(**known)
    except ValueError as error:
        raise WrongCall(f"The dialect cannot be read: {error}.") from None
    return known


def _preview(call: Call, path: Path, given: dict[str, Any], to: Form | None) -> None:
    from discovery.files import open_csv, records_of  # noqa: PLC0415  loads Arrow
    from discovery.folder_store import store_of  # noqa: PLC0415
    from discovery.one_file import find_file  # noqa: PLC0415
    from discovery.typed_files import open_typed, typed_records  # noqa: PLC0415

    found = find_file(path)
    if found is None:
        raise BadFile(f"There is no file {path}.")
    folder, file = found
    s3 = store_of(folder)
    typed = None if given else open_typed(s3, file, whole=to is not None)
    if typed is not None:
        records = typed_records(s3, typed)
        _answer(call, path, typed.header, records, to, has_header=True, about=_about_typed(typed))
        return
    text = open_csv(s3, file, given)
    about = _About(_dialect(text), text.sure, text.reasons, f"FORMAT = {_declaration(text)}")
    _answer(call, path, text.header, records_of(s3, text), to, has_header=text.has_header, about=about)


@dataclass(frozen=True)
class _About:
    """How a file is written: its parts with the reasons, and the line that declares it."""

    dialect: dict[str, Any]
    sure: float
    reasons: Mapping[str, str]
    declaration: str


def _about_typed(file: TypedFile) -> _About:
    from discovery.file_formats import Parquet, format_document  # noqa: PLC0415

    parts = {**format_document(file.format), "compression": file.object.compression}
    is_parquet = isinstance(file.format, Parquet)
    line = "Parquet files need no declaration." if is_parquet else "FORMAT = JsonLines()"
    return _About(parts, 1.0, {"format": "the name and the content of the file"}, line)


def _answer(
    call: Call,
    path: Path,
    header: tuple[str, ...],
    records: Iterator[tuple[str | None, ...] | Unread],
    to: Form | None,
    *,
    has_header: bool,
    about: _About,
) -> None:
    from discovery.files import Unread  # noqa: PLC0415

    if to is not None:
        _write_all(call, header if has_header else (), header, records, to)
        return
    good = [record for record in islice(records, _SHOWN) if not isinstance(record, Unread)]
    document = {
        "file": path.name,
        "dialect": about.dialect,
        "sure": about.sure,
        "reasons": dict(about.reasons),
        "columns": list(header),
        "records": [list(record) for record in good],
    }
    call.screen.answer(document, *_shown(about, header, good))


def _declaration(file: TextFile) -> str:
    from discovery.declared import marker_source  # noqa: PLC0415

    return marker_source(file.dialect)


def _dialect(file: TextFile) -> dict[str, Any]:
    dialect = file.dialect
    return {
        "delimiter": dialect.delimiter,
        "quote": dialect.quote,
        "escape": dialect.escape,
        "encoding": dialect.encoding,
        "header": dialect.header,
        "skip": dialect.skip,
        "skip_footer": dialect.skip_footer,
        "null": list(dialect.null),
        "compression": file.object.compression,
    }


def _shown(about: _About, header: tuple[str, ...], records: list[tuple[str | None, ...]]) -> list[Any]:
    parts = Table("part", "value", "reason", box=None, header_style="bold")
    for name, value in about.dialect.items():
        if name in about.reasons:
            parts.add_row(name, Text(repr(value)), Text(about.reasons[name]))
    rows = Table(header_style="bold")
    for name in header:
        rows.add_column(Text(_cut(name)))
    for record in records:
        rows.add_row(*(Text(_cut(text or "")) for text in record))
    return [parts, "", rows, "", Text(about.declaration)]


def _cut(text: str) -> str:
    line = visible(text.replace("\r", " ").replace("\n", " ").replace("\t", " "))
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"


def _write_all(
    call: Call,
    first: tuple[str, ...],
    names: tuple[str, ...],
    records: Iterator[tuple[str | None, ...] | Unread],
    to: Form,
) -> None:
    """Write the ``first`` line and all records to stdout, and what cannot be read to stderr."""
    from discovery.files import Unread  # noqa: PLC0415

    out: IO[str] = sys.stdout
    out.reconfigure(encoding="utf-8", newline="")  # type: ignore[attr-defined]
    terminal = out.isatty()
    writer = csv.writer(out, lineterminator="\r\n")
    if to is Form.csv and first:
        writer.writerow(first)
    unread = 0
    for record in records:
        if isinstance(record, Unread):
            unread += 1
            call.screen.err.print(Text(visible_line(f"line {record.line}: {record.reason}")))
            continue
        # Control characters of a file could hide or forge the output of a terminal.
        fields = [text and visible(text) for text in record] if terminal else record
        if to is Form.csv:
            writer.writerow(fields)
        else:
            out.write(json.dumps(dict(zip(names, fields, strict=True)), ensure_ascii=False) + "\n")
    if unread:
        call.screen.warn(f"{unread} record(s) could not be read")
