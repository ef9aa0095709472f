"""``dataforge status``: how a run is, or was."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from dataforge_cli.aws.executions import describe, name_of, newest
from dataforge_cli.aws.machines import BACKUP, MIGRATION, RESTORE, all_running, locate
from dataforge_cli.call import Call, calling
from dataforge_cli.options import Debug, Json, OutputsFile, Stage
from dataforge_cli.runs.backups import show_backup, watch_backup
from dataforge_cli.runs.follow import follow
from dataforge_cli.runs.migration import show
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
            help="Name or ARN of an execution, or a run's id. Default: the newest migration, and what else runs.",
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--follow", help="Follow the run to its end.")] = False,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Show how a migration, backup or restore is, or was.

    Of a running one: what it is doing and how far it is. Of one that is over: what became of every record or table,
    or why it failed.

    Exit code 0: it runs, or succeeded. 1: it failed. 2: there is no such run.

    **Examples**

    ```
    dataforge status
    dataforge status 20261122T101501Z-d504bdea --follow
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        if name is None:
            _show_newest(call, wait=wait)
            return
        machine, execution = locate(call.deployment, name)
        if wait and execution.running:
            execution = follow(call.deployment, execution.arn, call.screen, WATCH[machine.kind])
        SHOW[machine.kind](call, execution)


def _show_newest(call: Call, *, wait: bool) -> None:
    """The newest migration, and the backups and restores that run."""
    others = _running_others(call)
    arn = newest(call.deployment, call.deployment[MIGRATION.output])
    if arn is None:
        none = {"status": "none", "execution": None, "running": others}
        call.screen.answer(none, "No migration yet. Start one: dataforge migrate DIR")
        return
    execution = describe(call.deployment, arn)
    if wait and execution.running:
        execution = follow(call.deployment, arn, call.screen)
    show(call, execution, running=others)


def _running_others(call: Call) -> list[dict[str, Any]]:
    """Backups and restores that run; said to people at once."""
    found = [(m.kind, arn) for m, arn in all_running(call.deployment) if m is not MIGRATION]
    for kind, arn in found:
        call.screen.show(f"{kind.title()} {name_of(arn)} runs.")
    return [{"kind": kind, "execution": arn} for kind, arn in found]
