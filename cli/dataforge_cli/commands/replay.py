"""``dataforge replay``: process rejected records again."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from dataforge.runs.results.migration import MigrationOutput
from dataforge_cli.aws.executions import name_of, start
from dataforge_cli.aws.machines import MIGRATION
from dataforge_cli.aws.upload import upload
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.options import Debug, Follow, Json, OutputsFile, Stage
from dataforge_cli.records.rejections import save_rejections
from dataforge_cli.records.sources import BadFile
from dataforge_cli.runs.follow import how_to_go_on
from dataforge_cli.runs.migration import follow_to_its_end, show
from dataforge_cli.runs.request import OnConflict


def replay(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            show_default=False,
            help="Replay the corrected rejections of this file, which --save wrote. Default: replay the stored rejections.",
        ),
    ] = None,
    migration: Annotated[
        str, typer.Option(metavar="ID", show_default=False, help="Select the rejections of this migration.")
    ] = "",
    batch: Annotated[
        str,
        typer.Option(
            metavar="ID", show_default=False, help="Select the rejections of the batch with this batch_id."
        ),
    ] = "",
    table: Annotated[
        str,
        typer.Option(
            metavar="T", show_default=False, help="Select the rejections of this table. Default: all tables."
        ),
    ] = "",
    code: Annotated[
        str,
        typer.Option(
            metavar="C",
            show_default=False,
            help="Select the rejections with this error code, such as foreign_key. Default: all codes.",
        ),
    ] = "",
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            show_default=False,
            help="Write the selected rejections to this file instead of replaying them.",
        ),
    ] = None,
    on_conflict: Annotated[
        OnConflict, typer.Option(help="Reject or update a row whose key exists with other values.")
    ] = OnConflict.reject,
    wait: Follow = True,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Process rejected records again.

    Without FILE, the stored rejections are replayed, for example after their parent rows were added. To correct records,
    write them to a file with --save, edit "raw" in each line (the text of the record, or an object with a value per
    column), and replay that file. Delete the lines that are not to be replayed.

    A stored record is not replayed again, so a call can be repeated. A record that is rejected again stays rejected with
    its new reasons.

    Exit codes: 0 all replayed records stored, 1 records rejected again or failure, 2 invalid call.

    **Examples**

    ```
    dataforge replay --migration 20261122T101501Z-d504bdea --code foreign_key
    dataforge replay --migration 20261122T101501Z-d504bdea --table orders --save rejected.jsonl
    dataforge replay --migration 20261122T101501Z-d504bdea rejected.jsonl
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        if bool(migration) == bool(batch):
            raise WrongCall("The rejections are not specified.", hint="Specify --migration ID or --batch ID.")
        if save is not None:
            _save(call, save, file, migration, table, code)
            return
        chosen = {"migration_id": migration, "batch_id": batch, "table": table, "code": code}
        document: dict[str, Any] = {"replay": chosen, "on_conflict": on_conflict.value}
        if file is not None:
            document["prefix"] = _send(call, file)
        arn = start(call.deployment, call.deployment[MIGRATION.output], document)
        if not wait:
            going = f"Started {name_of(arn)}. {how_to_go_on(call.deployment, arn)}"
            call.screen.answer({"status": "running", "execution": arn}, going)
            return
        execution = follow_to_its_end(call, arn)
        show(call, execution)
        if any(table.rejected for table in MigrationOutput.model_validate(execution.output).tables):
            call.screen.say("Some records were rejected again. The report contains the reasons.")
            raise typer.Exit(1)


def _save(call: Call, path: Path, file: Path | None, migration: str, table: str, code: str) -> None:
    if file is not None or not migration:
        raise WrongCall("--save needs --migration and does not take FILE.")
    try:
        count = save_rejections(call.deployment, migration, table, code, path)
    except OSError as error:
        raise BadFile(f"{path} cannot be written: {error.strerror}.") from error
    call.screen.answer(
        {"status": "saved", "rejections": count, "file": str(path)},
        f"{count:,} rejection(s) saved. Correct them, then: dataforge replay --migration {migration} {path}",
    )


def _send(call: Call, file: Path) -> str:
    """Upload the file under a new prefix, and return the prefix."""
    if not file.is_file():
        raise BadFile(f"There is no file {file}.")
    prefix = f"replays/{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}/"
    call.screen.say(f"Uploading {file} to s3://{call.deployment['raw_bucket']}/{prefix}")
    upload(call.deployment.s3, call.deployment["raw_bucket"], prefix, [file], call.screen)
    return prefix
