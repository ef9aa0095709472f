"""``dataforge migrate``: upload a folder of CSV files, and start and follow the migration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dataforge.tables.datasets import DEFAULT
from dataforge_cli.aws.deployed_datasets import require_deployed
from dataforge_cli.aws.executions import name_of, start
from dataforge_cli.aws.machines import MIGRATION
from dataforge_cli.call import calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.options import Dataset, Debug, Follow, Ignore, Json, OutputsFile, Prefix, Stage
from dataforge_cli.records.sending import find_present, send_folder
from dataforge_cli.runs.follow import how_to_go_on
from dataforge_cli.runs.migration import follow_to_its_end, show
from dataforge_cli.runs.request import DEFAULT_THRESHOLD, OnConflict, read_order


def migrate(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            show_default=False,
            help="Upload the dataset's files from this folder first. Default: migrate the files in the raw bucket.",
        ),
    ] = None,
    dataset: Dataset = DEFAULT,
    prefix: Prefix = "",
    tables: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="Migrate only these tables (comma-separated), or those with a file (present). Default: all.",
            show_default=False,
        ),
    ] = "",
    ignore: Ignore = None,
    threshold: Annotated[
        float,
        typer.Option(
            metavar="0..1",
            help="Publish only if this share of the rows is valid, in total and per table.",
        ),
    ] = DEFAULT_THRESHOLD,
    on_conflict: Annotated[
        OnConflict, typer.Option(help="Reject or update a row whose key exists with other values.")
    ] = OnConflict.reject,
    resume: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="Resume this failed or stopped migration (latest: the newest) instead of starting one.",
            show_default=False,
        ),
    ] = "",
    deploy: Annotated[
        bool,
        typer.Option(
            "--deploy", help="Deploy the dataset's module to the embedded cloud first, if it changed."
        ),
    ] = False,
    wait: Follow = True,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Migrate the CSV files of a dataset into PostgreSQL.

    Uploads the files of DIR that are not in the raw bucket yet, starts the migration, and follows it. Shows a progress bar
    per table, then the result of each table. Running it again changes nothing.

    If the dataset's module is new or changed since the last deployment, the command prompts for deploying it to the
    embedded cloud; without a terminal, --deploy does so.

    Ctrl-C stops following. The migration continues.

    Exit codes: 0 published, 1 failed (no row is visible to readers), 2 invalid call.

    **Examples**

    ```
    dataforge migrate ./olist
    dataforge migrate ./shop --dataset shop --deploy
    dataforge migrate ./olist --tables customers,orders --threshold 0.9
    dataforge migrate ./olist --tables present --ignore '*.bak'
    dataforge migrate ./corrections --on-conflict update
    dataforge migrate --prefix olist-2024/ --no-follow --json
    dataforge migrate --resume latest
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        order = read_order(dataset, prefix, tables, threshold, on_conflict, ignore or ())
        if resume and (folder or order != read_order(dataset, "", "", DEFAULT_THRESHOLD, OnConflict.reject)):
            raise WrongCall(
                "--resume continues a run unchanged.", hint="Specify it alone, or with --dataset."
            )
        also: dict[str, Any] = {}
        if folder is not None:
            order, not_sent = send_folder(call, folder, order, deploy=deploy)
            also = {"not_sent": dict(not_sent)}
        elif not resume:
            require_deployed(call, order.dataset.name, deploy=deploy)
            order = find_present(call, order) if order.present else order
        document = {"dataset": order.dataset.name, "resume": resume} if resume else order.document
        arn = start(call.deployment, call.deployment[MIGRATION.output], document)
        if wait:
            show(call, follow_to_its_end(call, arn), **also)
        else:
            call.screen.answer(
                {"status": "running", "execution": arn, **also},
                f"Started {name_of(arn)}. {how_to_go_on(call.deployment, arn)}",
            )
