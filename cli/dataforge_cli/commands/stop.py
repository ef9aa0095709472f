"""``dataforge stop``: stop a running migration, backup or restore."""

from __future__ import annotations

from typing import Annotated

import typer

from dataforge_cli.aws import executions
from dataforge_cli.aws.machines import locate
from dataforge_cli.call import calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.options import Debug, Json, OutputsFile, Stage


def stop(
    name: Annotated[
        str,
        typer.Argument(
            metavar="EXECUTION",
            help="Stop the run with this id, or the execution with this name or ARN.",
            show_default=False,
        ),
    ],
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Stop a running migration, backup or restore.

    Loaded rows and written files of the run are dropped, nothing becomes visible, and its tables are released. A restore
    that is already visible is not undone.

    Exit codes: 0 stopped, 1 refused by AWS, 2 unknown or completed run.

    **Example**

    ```
    dataforge stop 20261122T101501Z-d504bdea
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        deployment = call.deployment
        _, execution = locate(deployment, name)
        if not execution.running:
            raise WrongCall(f"{execution.name} has ended: {execution.status.lower()}.")
        executions.stop(deployment, execution.arn)
        call.screen.answer({"status": "stopped", "execution": execution.arn}, f"Stopped {execution.name}.")
