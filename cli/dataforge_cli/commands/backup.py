"""``dataforge backup``: make, list, show and verify backups."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from dataforge.backups import manifest
from dataforge.tables.datasets import DEFAULT, get_dataset
from dataforge_cli.aws.executions import name_of, start
from dataforge_cli.aws.machines import BACKUP
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.options import Debug, Follow, Json, OutputsFile, Stage
from dataforge_cli.output.tables import backup_table, backups_table
from dataforge_cli.runs.backups import (
    BUCKET,
    age,
    find_backup,
    in_short,
    list_backups,
    show_backup,
    verdict,
    watch_backup,
)
from dataforge_cli.runs.follow import follow_started, how_to_go_on


class Action(StrEnum):
    """The actions of ``dataforge backup``."""

    make = "make"
    list = "list"
    show = "show"
    verify = "verify"


def backup(
    action: Annotated[
        Action, typer.Argument(help="Select the action. Default: make a backup.")
    ] = Action.make,
    backup_id: Annotated[
        str | None,
        typer.Argument(
            metavar="ID", show_default=False, help="Select the backup to show or verify: its id, or latest."
        ),
    ] = None,
    dataset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help=f"Select the dataset. Default: {DEFAULT} to make a backup, else all.",
        ),
    ] = "",
    tables: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            show_default=False,
            help="Back up only these tables (comma-separated). Default: all.",
        ),
    ] = "",
    verify: Annotated[bool, typer.Option("--verify", help="Verify the new backup. Default: no.")] = False,
    allow_unsigned: Annotated[
        bool,
        typer.Option(
            "--allow-unsigned", help="Verify the files of a backup that is not signed. Default: refuse it."
        ),
    ] = False,
    wait: Follow = True,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Make, list, show and verify backups.

    A backup is a consistent snapshot of tables in Parquet files. Reads and writes continue while it runs. It is complete
    when its manifest is written. A verification reads the files and compares them with the manifest.

    Ctrl-C stops following. The backup continues.

    Exit codes: 0 success, 1 failure or damaged backup, 2 invalid call or unknown backup.

    **Examples**

    ```
    dataforge backup
    dataforge backup --tables orders,order_items --verify
    dataforge backup list --dataset olist
    dataforge backup verify latest
    dataforge backup show 20261125T195930Z-1f0c2a9b --json
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        _check(action, backup_id, tables, verify=verify)
        if allow_unsigned and action is not Action.verify:
            raise WrongCall(
                "--allow-unsigned is for `dataforge backup verify`: a new backup is always signed."
            )
        match action:
            case Action.make:
                _run(call, read_order(dataset or DEFAULT, tables, verify=verify), wait=wait)
            case Action.list:
                _list(call, dataset)
            case Action.show:
                _show(call, dataset, backup_id or "")
            case Action.verify:
                found = find_backup(call.deployment, dataset, backup_id or "")
                document = {"dataset": found.dataset, "verify_only": found.id}
                _run(call, document | ({"unsigned": True} if allow_unsigned else {}), wait=wait)


def _check(action: Action, backup_id: str | None, tables: str, *, verify: bool) -> None:
    """Raise ``WrongCall`` for a missing or superfluous argument of an action."""
    if action in {Action.show, Action.verify} and backup_id is None:
        raise WrongCall(
            f"backup {action.value}: the id of the backup is missing.",
            hint="Specify an id or latest; `dataforge backup list` shows the backups.",
        )
    if (action in {Action.make, Action.list} and backup_id) or (
        action is not Action.make and (tables or verify)
    ):
        raise WrongCall(
            f"backup {action.value} does not take this argument.", hint="See `dataforge backup --help`."
        )


def read_order(dataset: str, tables: str, *, verify: bool) -> dict[str, Any]:
    """Return the state machine's input. Raises ``WrongCall`` and the catalogue's ``InvalidInput``."""
    found = get_dataset(dataset)
    names = [name.strip() for name in tables.split(",") if name.strip()]
    if tables and not names:
        raise WrongCall(f"--tables {tables!r} contains no table.")
    wanted = list(dict.fromkeys(found.table(name).name for name in names))
    return {
        "dataset": found.name,
        **({"tables": wanted} if wanted else {}),
        **({"verify": True} if verify else {}),
    }


def _run(call: Call, document: dict[str, Any], *, wait: bool) -> None:
    arn = start(call.deployment, call.deployment[BACKUP.output], document)
    if wait:
        show_backup(call, follow_started(call.deployment, arn, call.screen, watch_backup))
        return
    call.screen.answer(
        {"status": "running", "id": name_of(arn), "execution": arn},
        f"Started {name_of(arn)}. {how_to_go_on(call.deployment, arn)}",
    )


def _list(call: Call, dataset: str) -> None:
    found = list_backups(call.deployment, dataset)
    none = "No backup yet. Make one: dataforge backup"
    shown = backups_table((one, age(one), verdict(one)) for one in found) if found else none
    call.screen.answer({"backups": [one.document() for one in found]}, shown)


def _show(call: Call, dataset: str, word: str) -> None:
    found = find_backup(call.deployment, dataset, word)
    kept = manifest.read(call.deployment.s3, call.deployment[BUCKET], found.dataset, found.id)
    document = found.document() | {"tables": [entry.model_dump(mode="json") for entry in kept.tables]}
    call.screen.answer(document, in_short(found), backup_table(found), found.manifest)
