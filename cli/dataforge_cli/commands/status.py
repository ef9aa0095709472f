"""``dataforge status``: how a migration is, or was."""

from __future__ import annotations

from typing import Annotated

import typer

from dataforge_cli.call import Call, calling
from dataforge_cli.executions import Execution, describe, find, newest
from dataforge_cli.follow import follow
from dataforge_cli.migration import MACHINE, show
from dataforge_cli.options import Debug, Json, OutputsFile, Stage


def status(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="EXECUTION",
            show_default=False,
            help="Name or ARN of an execution, or a migration id. Default: the newest.",
        ),
    ] = None,
    wait: Annotated[bool, typer.Option("--follow", help="Follow the run to its end.")] = False,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Show how a migration is, or was.

    Of a running one: what it is doing and how far each table is. Of one that is over: what became of every record,
    or why it failed.

    Exit code 0: it runs, or was published. 1: it failed. 2: there is no such migration.

    **Examples**

    ```
    dataforge status
    dataforge status olist-20261122T101500Z-3f9a1c --follow
    dataforge status 20261122T101501Z-d504bdea --json
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        execution = _choose(call, name)
        if execution is None:
            call.screen.answer(
                {"status": "none", "execution": None}, "No migration yet. Start one: dataforge migrate DIR"
            )
            return
        if wait and execution.running:
            execution = follow(call.deployment, execution.arn, call.screen)
        show(call, execution)


def _choose(call: Call, name: str | None) -> Execution | None:
    deployment = call.deployment
    machine = deployment[MACHINE]
    arn = find(deployment, machine, name) if name is not None else newest(deployment, machine)
    return describe(deployment, arn) if arn else None
