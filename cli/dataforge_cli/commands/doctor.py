"""``dataforge doctor``: check and repair the roles, privileges and tables of the database."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from dataforge_cli.aws.schema_function import ask
from dataforge_cli.call import calling
from dataforge_cli.options import Debug, Json, OutputsFile, Stage
from dataforge_cli.output.tables import findings


def doctor(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Repair roles, privileges and tables first. Drops no data. Default: no.",
        ),
    ] = False,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Check the roles, privileges and tables of the database.

    Lists each difference from the declaration, such as a role that cannot log in, a revoked grant or a dropped
    constraint, with a hint.

    Exit codes: 0 no findings, 1 findings (with --repair: remaining findings) or failure, 2 invalid call.

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
            document |= ask(call.deployment, "apply", **call.deployment.stated_identity)
            call.screen.show(*(f"Repaired: {change}" for change in document["changes"]))
            call.screen.show(*(f"Left for the upkeep: {change}" for change in document.get("later", ())))
        document |= ask(call.deployment, "doctor")
        call.screen.show(
            *(
                Text(f"Of an owner: {o['name']} on {o['object']}: {o['definition']}")
                for o in document.get("own", ())
            )
        )
        if not document["findings"]:
            call.screen.answer(document, "No findings: roles, privileges and tables match the declaration.")
            return
        call.screen.answer(document, findings(document["findings"]))
        raise typer.Exit(1)
