"""``dataforge check``: validate a folder as a migration would, without a deployment."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from dataforge.defaults import QUALITY_THRESHOLD
from dataforge_cli.call import calling
from dataforge_cli.errors import NoFolder
from dataforge_cli.options import Debug, Ignore, Json

if TYPE_CHECKING:
    from discovery.check.check import CheckResult, TableResult


def check(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Read the files in this folder.", show_default=False)
    ],
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME", help="Validate by this dataset's module.")
    ],
    threshold: Annotated[
        float, typer.Option("--threshold", metavar="Q", min=0, max=1, help="Fail below this quality.")
    ] = float(QUALITY_THRESHOLD),
    ignore: Ignore = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Validate a folder as a migration into empty tables would. No deployment or network is needed.

    Reports for each table how many records would be loaded, deduplicated and rejected, and the reasons with examples.

    Exit codes: 0 the quality reaches the threshold, 1 it does not, 2 invalid call.

    **Example**

    ```
    dataforge check ./shop --dataset shop
    ```
    """
    with calling(stage=None, outputs=None, as_json=as_json, debug=debug) as call:
        from dataforge.tables.datasets import get_dataset  # noqa: PLC0415  row models load only when they are needed
        from discovery.check.check import check_folder  # noqa: PLC0415

        if not folder.is_dir():
            raise NoFolder(f"There is no folder {folder}.")
        result = check_folder(get_dataset(dataset), folder, ignore=ignore or (), say=call.screen.say)
        call.screen.answer(result_document(result, threshold), *shown(result))
        if not result.passes(threshold):
            call.screen.fail(f"The quality {result.quality:.4f} is below the threshold {threshold}.")
            raise typer.Exit(1)


def result_document(result: CheckResult, threshold: float) -> dict[str, Any]:
    """The result as a JSON document."""
    return {
        "quality": round(result.quality, 6),
        "quality_threshold": threshold,
        "tables": [_document(table) for table in result.tables],
        "ignored_files": result.ignored,
    }


def _document(table: TableResult) -> dict[str, Any]:
    return {
        "table": table.table,
        "read": table.read,
        "loaded": table.loaded,
        "deduplicated": table.deduplicated,
        "rejected": table.rejected,
        "quality": round(table.quality, 6),
        "reasons": [
            {
                "code": code,
                "count": count,
                "examples": [
                    {"file": e.file, "line": e.line, "message": e.message, "raw": e.raw}
                    for e in table.examples.get(code, [])
                ],
            }
            for code, count in table.codes.most_common()
        ],
        "orphans": {name: orphans.rows for name, orphans in table.orphans.items()},
        "suggestions": [asdict(suggestion) for suggestion in table.suggestions],
    }


def shown(result: CheckResult) -> list[Any]:
    """The result as a table, and examples of the reasons."""
    figures = Table(
        "table", "read", "loaded", "deduplicated", "rejected", "quality", box=None, header_style="bold"
    )
    for table in result.tables:
        counts = (table.read, table.loaded, table.deduplicated, table.rejected)
        figures.add_row(table.table, *(f"{count:,}" for count in counts), f"{table.quality:.4f}")
    parts: list[Any] = [figures]
    for table in result.tables:
        for code, count in table.codes.most_common(3):
            parts.append(Text(f"{table.table}: {count:,} rejected with {code}"))
            parts += [Text(f"  {e.file}:{e.line}: {e.message}") for e in table.examples.get(code, [])[:1]]
        parts += [
            Text(
                f"{table.table}: {orphans.rows:,} rows lack their parent ({name}); the reference is not enforced"
            )
            for name, orphans in table.orphans.items()
        ]
    return parts
