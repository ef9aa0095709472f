"""``dataforge status``: show run status."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dataforge_cli.aws.executions import describe, name_of, newest
from dataforge_cli.aws.machines import BACKUP, MIGRATION, RESTORE, all_running, locate
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import NoFolderForPage
from dataforge_cli.options import Debug, Json, OutputsFile, Stage
from dataforge_cli.runs.backups import show_backup, watch_backup
from dataforge_cli.runs.follow import follow
from dataforge_cli.runs.migration import show
from dataforge_cli.runs.report_page import save_page
from dataforge_cli.runs.restores import show_restore, watch_restore
from dataforge_cli.runs.watch import watch_migration

SHOW = {MIGRATION.kind: show, BACKUP.kind: show_backup, RESTORE.kind: show_restore}
WATCH = {MIGRATION.kind: watch_migration, BACKUP.kind: watch_backup, RESTORE.kind: watch_restore}


def status(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="EXECUTION",
            show_default=False,
            help="Show the run with this id, or the execution with this name or ARN. Default: the newest migration.",
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--follow", help="Follow the run until it ends. Default: no.")
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Save the report of an ended migration as a web page, with charts and examples of rejected records.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Show the status of a migration, backup or restore.

    For a running one: its current phase and progress. For a completed one: the result of each table, or the error and its
    cause.

    Exit codes: 0 running or succeeded, 1 failed, 2 unknown run.

    **Examples**

    ```
    dataforge status
    dataforge status --html report.html
    dataforge status 20261122T101501Z-d504bdea --follow
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        if html is not None and not html.parent.is_dir():
            raise NoFolderForPage(html)
        if name is None:
            _show_newest(call, wait=wait, html=html)
            return
        machine, execution = locate(call.deployment, name)
        if wait and execution.running:
            execution = follow(call.deployment, execution.arn, call.screen, WATCH[machine.kind])
        if html is not None:
            save_page(call, machine, execution, html)
        SHOW[machine.kind](call, execution)


def _show_newest(call: Call, *, wait: bool, html: Path | None) -> None:
    """Show the newest migration, and the running backups and restores."""
    others = _running_others(call)
    arn = newest(call.deployment, call.deployment[MIGRATION.output])
    if arn is None:
        none = {"status": "none", "execution": None, "running": others}
        call.screen.answer(none, "No migration yet. Start one: dataforge migrate DIR")
        return
    execution = describe(call.deployment, arn)
    if wait and execution.running:
        execution = follow(call.deployment, arn, call.screen)
    if html is not None:
        save_page(call, MIGRATION, execution, html)
    show(call, execution, running=others)


def _running_others(call: Call) -> list[dict[str, Any]]:
    """Return the running backups and restores, and print their names."""
    found = [(m.kind, arn) for m, arn in all_running(call.deployment) if m is not MIGRATION]
    for kind, arn in found:
        call.screen.show(f"{kind.title()} {name_of(arn)} runs.")
    return [{"kind": kind, "execution": arn} for kind, arn in found]
