"""``dataforge preview``: show how a file is written, and its first records."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataforge_cli.call import Call, calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.options import Debug, Json
from dataforge_cli.output.all_records import Form, write_all
from dataforge_cli.output.previewed import About, preview_parts
from dataforge_cli.records.sources import BadFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from discovery.formats.files import TextFile, Unread
    from discovery.formats.typed_files import TypedFile

_SHOWN = 10


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

    The dialect is detected by trying: each plausible combination of delimiter, quote and escape reads the file, and the
    most regular result wins. The output states each part with its reason, the distance to the next best result, the type
    and notation that the values of each column have (such as dates written 31.12.2025), and the first records. If a part is
    wrong, specify it; the others are detected again. The last line is the declaration for the module of a dataset.

    --all writes all records that can be read to stdout; the others are listed on stderr with line and reason.

    FILE is a CSV in any dialect, JSON Lines or Parquet, also compressed; archive.zip/path is a file in an archive.

    Exit codes: 0 success, 1 failure, 2 invalid call, also a file that is not a table (a spreadsheet, a web page, a PDF).

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
    from discovery.folders.folder_store import store_of  # noqa: PLC0415
    from discovery.formats.files import open_csv, records_of  # noqa: PLC0415  loads Arrow
    from discovery.formats.one_file import find_file  # noqa: PLC0415
    from discovery.formats.typed_files import open_typed, typed_records  # noqa: PLC0415

    if path.is_dir():
        raise BadFile(
            f"{path} is a folder.", hint="Specify a file, or read the folder with `dataforge init`."
        )
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
    if not file.size and to is None:
        raise BadFile(f"{path} is empty.", hint="Export it again; a table without rows has a header.")
    records = records_of(s3, text)
    if to is None:
        first = list(islice(records, _SHOWN))
        about = _about_text(text, chain(first, records), is_given="null" in given)
        _answer(call, path, text.header, iter(first), to, has_header=text.has_header, about=about)
    else:
        write_all(call.screen, text.header if text.has_header else (), text.header, records, to)


def _about_text(
    text: TextFile, records: Iterator[tuple[str | None, ...] | Unread], *, is_given: bool
) -> About:
    """The dialect with the words for NULL of the columns, unless they are specified, and the columns' types."""
    from dataforge.formats.null_words import CERTAIN_NULL_WORDS  # noqa: PLC0415
    from discovery.types.column_formats import column_formats  # noqa: PLC0415

    examined = column_formats(text.header, records)
    counted = Counter(word for column in examined.columns for word in column.nulls)
    words = () if is_given else tuple(sorted(counted.keys() & CERTAIN_NULL_WORDS))
    reasons = dict(text.reasons)
    if words:
        text = replace(text, dialect=replace(text.dialect, null=("", *words)))
        reasons["null"] = ", ".join(f"{word!r} in {_columns(counted[word])}" for word in words)
    return About(_dialect(text), text.sure, reasons, f"FORMAT = {_declaration(text)}", examined)


def _columns(number: int) -> str:
    return "1 column" if number == 1 else f"{number} columns"


def _about_typed(file: TypedFile) -> About:
    from discovery.formats.file_formats import Parquet, format_document  # noqa: PLC0415

    parts = {**format_document(file.format), "compression": file.object.compression}
    is_parquet = isinstance(file.format, Parquet)
    line = "Parquet files need no declaration." if is_parquet else "FORMAT = JsonLines()"
    return About(parts, 1.0, {"format": "the name and the content of the file"}, line)


def _answer(
    call: Call,
    path: Path,
    header: tuple[str, ...],
    records: Iterator[tuple[str | None, ...] | Unread],
    to: Form | None,
    *,
    has_header: bool,
    about: About,
) -> None:
    from discovery.formats.files import Unread  # noqa: PLC0415

    if to is not None:
        write_all(call.screen, header if has_header else (), header, records, to)
        return
    good = [record for record in islice(records, _SHOWN) if not isinstance(record, Unread)]
    document = {
        "file": path.name,
        "dialect": about.dialect,
        "sure": about.sure,
        "reasons": dict(about.reasons),
        "columns": list(header),
        "records": [list(record) for record in good],
        "types": [asdict(column) for column in about.examined.columns] if about.examined else [],
    }
    call.screen.answer(document, *preview_parts(about, header, good))


def _declaration(file: TextFile) -> str:
    from discovery.types.declared import marker_source  # noqa: PLC0415

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
