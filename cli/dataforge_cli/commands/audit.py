"""``dataforge audit``: show who requested which operation, and its result."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from dataforge.audit.since import parse_since
from dataforge.defaults import PAGE_ROWS
from dataforge_cli.aws.schema_function import ask
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.options import Debug, Json, OutputsFile, Stage
from dataforge_cli.output.audit import audit_table

MOST = 10_000


def audit(
    operation: Annotated[
        str,
        typer.Option(metavar="NAME", show_default=False, help="Show this operation only, such as restore."),
    ] = "",
    result: Annotated[
        str,
        typer.Option(
            metavar="RESULT",
            show_default=False,
            help="Show this result only: started, applied, succeeded, failed or refused.",
        ),
    ] = "",
    dataset: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="Show this dataset only.")
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            show_default=False,
            help="Show entries of the last `7d`, `12h` or `30m`, or since a time such as 2026-11-25T19:00Z.",
        ),
    ] = "",
    limit: Annotated[
        int, typer.Option(min=1, max=MOST, metavar="N", help="Show at most this number of entries.")
    ] = PAGE_ROWS,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Show who requested which operation, and its result, the newest first.

    Migrations, replays, backups, restores, exports, schema changes, repairs and refused requests are recorded. The principal
    is the API key, the execution or the stack. A requester is as the caller stated it; with --json, `identity_query` is the
    command that finds the verified identity in CloudTrail.

    Exit codes: 0 success, 1 failure, 2 invalid call.

    **Examples**

    ```
    dataforge audit
    dataforge audit --operation restore --since 30d
    dataforge audit --result refused --json
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        given = {"operation": operation, "result": result, "dataset": dataset, "since": _read_since(since)}
        entries = _entries(call, {name: value for name, value in given.items() if value}, limit)
        none = "No entry."
        call.screen.answer({"entries": entries}, audit_table(entries) if entries else none)


def _read_since(text: str) -> str:
    if not text:
        return ""
    found = parse_since(text, datetime.now(UTC))
    if found is None:
        raise WrongCall(
            f"--since {text!r} is not a time.", hint="Specify for example 7d, 12h or 2026-11-25T19:00Z."
        )
    return found.isoformat()


def _entries(call: Call, filters: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """The newest entries, page by page."""
    found: list[dict[str, Any]] = []
    before = None
    while len(found) < limit:
        query = {**filters, "limit": min(limit - len(found), PAGE_ROWS)}
        page = ask(call.deployment, "audit", query=query, before=before)
        found += page["data"]
        before = page["before"]
        if before is None:
            break
    return found
