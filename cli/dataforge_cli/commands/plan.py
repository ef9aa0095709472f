"""``dataforge plan``: show the statements that a deployment of this catalogue would execute."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from dataforge.tables.datasets import DATASETS, get_dataset
from dataforge.tables.structure import Structure, describe
from dataforge_cli.aws.schema_function import ask
from dataforge_cli.call import calling
from dataforge_cli.options import Debug, Json, OutputsFile, Stage
from dataforge_cli.output.tables import statements


def plan(
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Show only the statements of this dataset. Default: all.")
    ] = None,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Show the statements with which a deployment of this catalogue would change the database.

    For each statement: its locks, whether it reads or rewrites the table, the rows and the size. Changes that rows
    contradict are refused with their number. Nothing is changed.

    The fingerprint covers the whole catalogue and the database: `cdk deploy -c plan=FINGERPRINT` refuses if either has
    changed since.

    Exit codes: 0 the deployment would succeed, 1 it would be refused, or failure, 2 invalid call.

    **Examples**

    ```
    dataforge plan
    dataforge plan --dataset shop --json
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        if dataset is not None:
            get_dataset(dataset)
        catalogue = Structure(datasets=tuple(map(describe, DATASETS.values()))).model_dump(mode="json")
        found = _only(ask(call.deployment, "plan", catalogue=catalogue), dataset)
        call.screen.answer(found, _readable(found))
        if found["refusals"]:
            raise typer.Exit(1)


def _only(found: dict[str, Any], dataset: str | None) -> dict[str, Any]:
    """The part of a plan that concerns a dataset. The refusals of the others remain: they refuse the whole deployment."""
    if dataset is None:
        return found

    def chosen(name: str) -> list[dict[str, Any]]:
        return [one for one in found[name] if one["table"].partition(".")[0] == dataset]

    return found | {"statements": chosen("statements"), "later": chosen("later")}


def _readable(found: dict[str, Any]) -> Group:
    """The plan for people."""
    parts: list[Any] = []
    if found["statements"]:
        parts += ["In one transaction, which holds its locks until its end:", statements(found["statements"])]
    if found["later"]:
        parts += ["Later, by the upkeep, without blocking reads or writes:", statements(found["later"])]
    parts += [Text(f"Refused: {refusal}") for refusal in found["refusals"]]
    if not parts:
        parts.append("Nothing to change.")
    return Group(*parts, f"Fingerprint: {found['fingerprint']}")
