"""``dataforge preview``: show how a file is written, and its first records."""

from __future__ import annotations

import csv
import json
import sys
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from dataforge_cli.call import Call, calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.options import Debug, Json
from dataforge_cli.output.screen import visible
from dataforge_cli.records.sources import BadFile

if TYPE_CHECKING:
    from discovery.files import TextFile

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
        if not file.is_file():
            raise BadFile(f"There is no file {file}.")
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
    from discovery.files import Unread, open_csv, records_of  # noqa: PLC0415  loads Arrow
    from discovery.folder_store import object_of, store_of  # noqa: PLC0415

    s3, found = store_of(path.parent), object_of(path.parent, path.name)
    file = open_csv(s3, found, given)
    if to is not None:
        _write_all(call, file, records_of(s3, file), to)
        return
    records = list(islice(records_of(s3, file), _SHOWN))
    good = [record for record in records if not isinstance(record, Unread)]
    document = {
        "file": path.name,
        "dialect": _dialect(file),
        "sure": file.sure,
        "reasons": dict(file.reasons),
        "columns": list(file.header),
        "records": [list(record) for record in good],
    }
    call.screen.answer(document, *_shown(file, good))


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


def _shown(file: TextFile, records: list[tuple[str, ...]]) -> list[Any]:
    from discovery.declared import marker_source  # noqa: PLC0415

    parts = Table("part", "value", "reason", box=None, header_style="bold")
    for name, value in _dialect(file).items():
        if name in file.reasons:
            parts.add_row(name, Text(repr(value)), Text(file.reasons[name]))
    rows = Table(header_style="bold")
    for name in file.header:
        rows.add_column(Text(_cut(name)))
    for record in records:
        rows.add_row(*map(Text, map(_cut, record)))
    return [parts, "", rows, "", Text(f"FORMAT = {marker_source(file.dialect)}")]


def _cut(text: str) -> str:
    line = visible(text.replace("\r", " ").replace("\n", " ").replace("\t", " "))
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 1]}…"


def _write_all(call: Call, file: TextFile, records: Any, to: Form) -> None:
    from discovery.files import Unread  # noqa: PLC0415

    out: IO[str] = sys.stdout
    out.reconfigure(encoding="utf-8", newline="")  # type: ignore[attr-defined]
    writer = csv.writer(out, lineterminator="\r\n")
    if to is Form.csv and file.has_header:
        writer.writerow(file.header)
    unread = 0
    for record in records:
        if isinstance(record, Unread):
            unread += 1
            call.screen.err.print(Text(f"line {record.line}: {record.reason}"))
        elif to is Form.csv:
            writer.writerow(record)
        else:
            out.write(json.dumps(dict(zip(file.header, record, strict=True)), ensure_ascii=False) + "\n")
    if unread:
        call.screen.warn(f"{unread} record(s) could not be read")
