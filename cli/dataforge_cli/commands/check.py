"""``dataforge check``: validate a folder as a migration would, without a deployment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from dataforge.defaults import QUALITY_THRESHOLD
from dataforge.errors import MissingFile, UnexpectedFiles
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import NoFolderForPage, WrongCall
from dataforge_cli.folders import Dir, find_folder
from dataforge_cli.options import Debug, Ignore, Json
from dataforge_cli.output.checked import (
    counts_table,
    has_reasons,
    ignored_lines,
    orphan_lines,
    reasons_table,
    section,
    suggestions,
)
from dataforge_cli.output.steps import steps
from dataforge_cli.output.tables import percent
from dataforge_cli.runs.migration import some

if TYPE_CHECKING:
    from dataforge.tables.catalogue import Dataset
    from discovery.check.check import CheckResult, TableResult
    from discovery.folders.folder_store import Folder
    from discovery.written.module_lines import ModuleLines


def check(
    folder: Dir,
    dataset: Annotated[
        str,
        typer.Option("--dataset", metavar="NAME", help="Validate by datasets/NAME.py.", show_default=False),
    ],
    threshold: Annotated[
        float,
        typer.Option(
            "--threshold",
            metavar="0..1",
            min=0,
            max=1,
            help="Exit with 1 if a smaller share of the rows is valid, in total or in a table.",
        ),
    ] = float(QUALITY_THRESHOLD),
    ignore: Ignore = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Write the result as a web page, which looks like the report of a migration.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Validate a folder as a migration into empty tables would. No deployment or network is needed.

    The migration's own code reads and validates every record, so that the counts, the reasons and the quality are those
    that `dataforge migrate` would report. For each table: the records that are read, loaded, deduplicated (identical rows
    of a table whose rows differ) and rejected, the most frequent reasons with the first record, the rows without a parent
    of references that are not enforced, and suggestions: declarations that would accept rejected values. A suggestion was
    tried on the rejected values; apply it if it is what the values mean.

    Records appear in the output and the page. Nothing leaves this machine.

    Exit codes: 0 the quality reaches the threshold, 1 it does not, 2 invalid call: an unknown dataset, or files that do
    not fit (a table without a file, an unknown column).

    **Examples**

    ```
    dataforge check ./shop --dataset shop
    dataforge check ./shop --dataset shop --html report.html
    dataforge check ./shop --dataset shop --threshold 0.99 --ignore 'old/' --json
    ```
    """
    with calling(stage=None, outputs=None, as_json=as_json, debug=debug) as call:
        from dataforge.tables.datasets import folder as modules  # noqa: PLC0415  row models load only when they are needed
        from dataforge.tables.datasets import get_dataset  # noqa: PLC0415
        from discovery.written.module_lines import module_lines  # noqa: PLC0415

        files = find_folder(folder)
        if html is not None and not html.parent.is_dir():
            raise NoFolderForPage(html)
        found, started = get_dataset(dataset), datetime.now(UTC)
        result = checked(call, found, files, tuple(ignore or ()))
        if html is not None:
            _write_page(html, result, dataset, files, threshold, started)
        document = result_document(result, threshold) | {"html": str(html) if html else None}
        lines = module_lines(modules() / f"{dataset}.py")
        call.screen.answer(document, *_shown(result, threshold, lines, html))
        if not result.passes(threshold):
            call.screen.fail(_failure(result, threshold))
            raise typer.Exit(1)


def checked(call: Call, dataset: Dataset, folder: Folder, ignore: tuple[str, ...]) -> CheckResult:
    """Check a folder, with its progress on stderr."""
    from discovery.check.check import check_folder  # noqa: PLC0415  loads DuckDB and Arrow

    try:
        with steps(call.screen) as say:
            return check_folder(dataset, folder, ignore=ignore, say=say)
    except MissingFile as error:
        raise _without_files(folder, dataset, error) from None
    except UnexpectedFiles as error:
        hint = "Rename or move them, or exclude them with --ignore PATTERN, here and in `dataforge migrate`."
        raise error.with_advice(error.detail, hint) from None


def _without_files(folder: Folder, dataset: Dataset, error: MissingFile) -> WrongCall:
    """The error of a folder without files of some tables. Without any, another dataset is meant: their list is cut."""
    if len(error.missing) == len(dataset.tables):
        return WrongCall(
            f"{folder} has no file of dataset {dataset.name!r}.",
            f"Expected: {some(list(error.missing.values()))}.",
            "Specify the --dataset of these files, or draft it with `dataforge init`.",
            name=error.code,
        )
    files = ", ".join(f"{table} (expected {file})" for table, file in error.missing.items())
    hint = "Add or rename the files, or remove the classes of the tables from the module."
    return WrongCall(f"{folder} has no file for: {files}.", error.detail, hint, name=error.code)


def _failure(result: CheckResult, threshold: float) -> str:
    hint = (
        "Correct the files or the declaration, or accept a lower --threshold here and in `dataforge migrate`."
    )
    return f"{result.failure(threshold)} A migration would publish nothing. Hint: {hint}"


def _write_page(
    file: Path, result: CheckResult, dataset: str, folder: Folder, threshold: float, started: datetime
) -> None:
    from discovery.check.page import page  # noqa: PLC0415  loads Jinja2

    text = page(
        result,
        dataset=dataset,
        folder=str(folder),
        threshold=threshold,
        started=started,
        ended=datetime.now(UTC),
    )
    file.write_text(text, encoding="utf-8")


def result_document(result: CheckResult, threshold: float) -> dict[str, Any]:
    """The result as a JSON document."""
    return {
        "status": "passed" if result.passes(threshold) else "failed",
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
        "cleanings": dict(table.cleanings),
    }


def _shown(result: CheckResult, threshold: float, lines: ModuleLines, html: Path | None) -> Iterator[Any]:
    yield counts_table(result, threshold)
    if has_reasons(result.tables):
        yield reasons_table(result)
    yield from section(
        "Suggestions: declarations that accept rejected values",
        (Text(f"  {text}") for text in suggestions(result.tables, lines)),
    )
    yield from section("References that are not enforced", orphan_lines(result, lines))
    yield from section("Ignored files", ignored_lines(result.ignored))
    if html is not None:
        yield Text(f"Wrote {html}")
    if result.passes(threshold):
        yield Text(
            f"A migration into empty tables would publish these rows (quality {percent(result.quality)})."
        )
