"""``dataforge restore``: show the changes of a restore, and restore tables from a backup."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from dataforge.runs.ids import LATEST
from dataforge.runs.results.restore import RestoreOutput
from dataforge.tables.datasets import DEFAULT, get_dataset
from dataforge_cli.aws.executions import Execution, name_of, start
from dataforge_cli.aws.machines import RESTORE
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import Interrupted, NotConfirmed, WrongCall
from dataforge_cli.options import Debug, Follow, Json, OutputsFile, Stage
from dataforge_cli.runs.backups import find_backup
from dataforge_cli.runs.follow import follow_started, how_to_go_on
from dataforge_cli.runs.restores import show_comparison, show_restore, watch_restore


def restore(
    tables: Annotated[
        list[str] | None,
        typer.Argument(metavar="TABLE...", show_default=False, help="Restore these tables together."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Restore all tables of the backup.")] = False,
    dataset: Annotated[
        str,
        typer.Option(metavar="NAME", show_default=False, help=f"Select the dataset. Default: {DEFAULT}."),
    ] = "",
    backup: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="Restore from the backup with this id. Default: latest, the newest with the tables, except safety backups.",
        ),
    ] = LATEST,
    undo: Annotated[
        str,
        typer.Option(
            metavar="ID", show_default=False, help="Undo a restore, whose safety backup has this id."
        ),
    ] = "",
    finish: Annotated[
        str,
        typer.Option(
            metavar="ID",
            show_default=False,
            help="Complete a restore that ended before its safety backup was written.",
        ),
    ] = "",
    allow_unsigned: Annotated[
        bool,
        typer.Option(
            "--allow-unsigned",
            help="Do not verify the signature of the backup, which --backup or --undo selects. Default: verify it.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the changes without applying them. Default: no.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Restore without confirmation. Default: confirm.")
    ] = False,
    wait: Follow = True,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Restore tables from a backup, completely or not at all.

    First shows how many rows would be added, removed and changed, and prompts for confirmation, except with --yes or --json.
    Readers see the old rows until the new rows are complete. The replaced rows are stored in a safety backup, which --undo
    restores. A restore that would remove parents of rows in other tables, or whose backup differs from its manifest or is
    not signed, is refused and changes nothing.

    Ctrl-C stops following. The restore continues.

    Exit codes: 0 success, 1 failed, refused or not confirmed, 2 invalid call or unknown backup.

    **Examples**

    ```
    dataforge restore orders order_items
    dataforge restore orders --backup 20261125T195930Z-1f0c2a9b --dry-run
    dataforge restore --all --backup latest --yes
    dataforge restore --undo 20261125T201500Z-77d0e1f2
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        names = list(dict.fromkeys(tables or ()))
        _check(names, every=every, backup=backup, undo=undo, finish=finish)
        _check_unsigned(allow_unsigned, backup=backup, undo=undo)
        for name in names:
            get_dataset(dataset or DEFAULT).table(name)
        asks = not (dry_run or yes or as_json or finish)
        if asks and not sys.stdin.isatty():
            raise WrongCall(
                "There is no terminal to confirm the restore.",
                hint="Specify --yes to restore, or --dry-run to show the changes.",
            )
        document = _document(call, names, dataset=dataset, backup=backup, undo=undo, finish=finish)
        if allow_unsigned:
            document["unsigned"] = True
        if asks:
            document = _confirmed(call, document)
        _run(call, {**document, "dry_run": True} if dry_run else document, wait=wait)


def _check(names: list[str], *, every: bool, backup: str, undo: str, finish: str) -> None:
    """Raise ``WrongCall`` unless the call names exactly one thing to restore."""
    if not (names or every or undo or finish):
        raise WrongCall(
            "The tables are not specified.", hint="Specify tables or --all; see `dataforge restore --help`."
        )
    if every and (names or undo):
        raise WrongCall("--all cannot be combined with tables or --undo.")
    if undo and backup != LATEST:
        raise WrongCall("--undo restores a safety backup and cannot be combined with --backup.")
    if finish and (names or every or undo or backup != LATEST):
        raise WrongCall("--finish completes a restore and cannot be combined with other options.")


def _check_unsigned(allow_unsigned: bool, *, backup: str, undo: str) -> None:
    """Raise ``WrongCall`` unless an id selects the unsigned backup."""
    if allow_unsigned and backup == LATEST and not undo:
        raise WrongCall(
            "--allow-unsigned requires --backup ID or --undo ID.",
            hint="An unsigned backup is never latest; `dataforge backup list` shows the backups.",
        )


def _document(
    call: Call, names: list[str], *, dataset: str, backup: str, undo: str, finish: str
) -> dict[str, Any]:
    """Return the state machine's input. Raises ``UnknownBackup``."""
    if finish:
        return {"dataset": get_dataset(dataset or DEFAULT).name, "finish": finish}
    if undo:
        kept = find_backup(call.deployment, dataset, undo)
        return {"dataset": kept.dataset, "undo": undo, **({"tables": names} if names else {})}
    if names and backup == LATEST:
        return {"dataset": dataset or DEFAULT, "tables": names, "backup": LATEST}
    found = find_backup(call.deployment, dataset or DEFAULT, backup)
    return {"dataset": found.dataset, "tables": names or list(found.tables), "backup": found.id}


def _confirmed(call: Call, document: dict[str, Any]) -> dict[str, Any]:
    """Show the changes, and return the input after confirmation. Raises ``NotConfirmed``, ``ExecutionFailed``."""
    found = _follow(
        call, start(call.deployment, call.deployment[RESTORE.output], {**document, "dry_run": True})
    )
    show_comparison(call, found)
    try:
        agreed = typer.confirm("Restore?", err=True)
    except typer.Abort as error:
        raise Interrupted("Nothing was restored.") from error
    if not agreed:
        raise NotConfirmed("Nothing was restored.")
    shown = RestoreOutput.model_validate(found.output).backup
    return document if "undo" in document else {**document, "backup": shown}


def _run(call: Call, document: dict[str, Any], *, wait: bool) -> None:
    arn = start(call.deployment, call.deployment[RESTORE.output], document)
    if wait:
        show_restore(call, _follow(call, arn))
        return
    call.screen.answer(
        {"status": "running", "id": name_of(arn), "execution": arn},
        f"Started {name_of(arn)}. {how_to_go_on(call.deployment, arn)}",
    )


def _follow(call: Call, arn: str) -> Execution:
    return follow_started(call.deployment, arn, call.screen, watch_restore)
