"""``dataforge migrate``: upload a folder of CSVs, start the migration, follow it to its end."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dataforge.tables.datasets import DEFAULT
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
            help="Folder with the dataset's files, to upload first. Without it, the files in the raw bucket are migrated.",
        ),
    ] = None,
    dataset: Dataset = DEFAULT,
    prefix: Prefix = "",
    tables: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="Migrate only these tables; present: those whose files are there. Default: all.",
            show_default=False,
        ),
    ] = "",
    ignore: Ignore = None,
    threshold: Annotated[
        float,
        typer.Option(
            metavar="0..1",
            help="Publish nothing if a smaller share of the rows is good, over all or in a table.",
        ),
    ] = DEFAULT_THRESHOLD,
    on_conflict: Annotated[
        OnConflict, typer.Option(help="What becomes of a row whose key is stored with other values.")
    ] = OnConflict.reject,
    resume: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="Go on with this failed or stopped migration (latest: the newest of them) instead of a new one.",
            show_default=False,
        ),
    ] = "",
    wait: Follow = True,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Migrate a dataset's CSVs into PostgreSQL.

    Uploads the files of DIR (those that are there already are not sent again), starts the migration and follows it:
    a bar per table, then what became of every record. Running it again changes nothing.

    Ctrl-C stops following; the migration goes on.

    Exit code 0: published. 1: failed, and nothing is visible to readers. 2: the call was wrong.

    **Examples**

    ```
    dataforge migrate ./olist
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
            order, not_sent = send_folder(call, folder, order)
            also = {"not_sent": dict(not_sent)}
        elif order.present:
            order = find_present(call, order)
        document = {"dataset": order.dataset.name, "resume": resume} if resume else order.document
        arn = start(call.deployment, call.deployment[MIGRATION.output], document)
        if wait:
            show(call, follow_to_its_end(call, arn), **also)
        else:
            call.screen.answer(
                {"status": "running", "execution": arn, **also},
                f"Started {name_of(arn)}. {how_to_go_on(call.deployment, arn)}",
            )
