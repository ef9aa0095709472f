"""``dataforge doctor``: what is wrong with the database's roles, rights and tables, and its repair."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.call import calling
from dataforge_cli.errors import FunctionFailed
from dataforge_cli.options import Debug, Json, OutputsFile, Stage
from dataforge_cli.output.tables import findings

FUNCTION = "schema_arn"
"""The output that names the function which looks after the schema."""


def doctor(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="First bring roles, rights and tables to what the app declares. Drops no data.",
        ),
    ] = False,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Examine the database: roles, rights, tables.

    Names everything that is not as the app declares it, such as a role that may not log in, a revoked grant or a
    dropped constraint, and the way out of each.

    Exit code 0: healthy. 1: there are findings (with --repair: there still are), or the examination failed.

    **Examples**

    ```
    dataforge doctor
    dataforge doctor --repair
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        document: dict[str, Any] = {}
        if repair:
            call.screen.say("Repairing.")
            document |= _ask(call.deployment, "apply")
            call.screen.show(*(f"Repaired: {change}" for change in document["changes"]))
            call.screen.show(*(f"Left for the upkeep: {change}" for change in document.get("later", ())))
        document["findings"] = _ask(call.deployment, "doctor")["findings"]
        if not document["findings"]:
            call.screen.answer(document, "Healthy: roles, rights and tables are as the app declares them.")
            return
        call.screen.answer(document, findings(document["findings"]))
        raise typer.Exit(1)


def _ask(deployment: Deployment, action: str) -> dict[str, Any]:
    """Have the function do the action. Raises ``FunctionFailed`` with its reason."""
    answer = deployment.functions.invoke(
        FunctionName=deployment[FUNCTION], Payload=json.dumps({"action": action})
    )
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise FunctionFailed(str(result.get("errorMessage", result)), name=str(result.get("errorType", "")))
    return result
