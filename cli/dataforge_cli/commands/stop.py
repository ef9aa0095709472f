"""``dataforge stop``: end a running migration, backup or restore."""

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
            metavar="EXECUTION", help="Name or ARN of an execution, or a run's id.", show_default=False
        ),
    ],
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Stop a running migration, backup or restore.

    What it has loaded or written is dropped, nothing becomes visible, and its tables are free for the next run. A restore
    that is visible already stays.

    Exit code 0: it is stopped. 1: AWS refused. 2: there is no such run, or it is over.

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
        call.screen.answer({"status": "stopped", "execution": execution.arn}, f"{execution.name} is stopped.")
