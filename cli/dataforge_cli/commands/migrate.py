"""``dataforge migrate``: upload a folder of CSVs, start the migration, follow it to its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from dataforge.catalogue import Dataset
from dataforge.datasets import DEFAULT, get_dataset
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.executions import name_of, start
from dataforge_cli.folder import Folder, read_folder
from dataforge_cli.follow import how_to_go_on
from dataforge_cli.machines import MIGRATION
from dataforge_cli.migration import follow_to_its_end, show
from dataforge_cli.options import Debug, Follow, Json, OutputsFile, Stage
from dataforge_cli.upload import upload

DEFAULT_THRESHOLD = 0.95


class OnConflict(StrEnum):
    """What becomes of a row whose key is stored with other values; of two in the files the first counts."""

    reject = "reject"
    update = "update"


def migrate(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            show_default=False,
            help="Folder with the dataset's CSVs, to upload first. Without it, what lies in the raw bucket is migrated.",
        ),
    ] = None,
    dataset: Annotated[str, typer.Option(metavar="NAME", help="Dataset of the catalogue.")] = DEFAULT,
    prefix: Annotated[
        str,
        typer.Option(
            metavar="P",
            help="Where in the raw bucket the CSVs lie. Default: a folder named like the dataset.",
            show_default=False,
        ),
    ] = "",
    tables: Annotated[
        str, typer.Option(metavar="A,B", help="Migrate only these tables. Default: all.", show_default=False)
    ] = "",
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
    dataforge migrate ./corrections --on-conflict update
    dataforge migrate --prefix olist-2024/ --no-follow --json
    dataforge migrate --resume latest
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        order = read_order(dataset, prefix, tables, threshold, on_conflict)
        if resume and (folder or order != read_order(dataset, "", "", DEFAULT_THRESHOLD, OnConflict.reject)):
            raise WrongCall("--resume goes on with a run as it was begun: give it alone, or with --dataset.")
        if folder is not None:
            _send(
                call, read_folder(folder, order.dataset, order.tables or order.dataset.tables), order.prefix
            )
        document = {"dataset": order.dataset.name, "resume": resume} if resume else order.document
        arn = start(call.deployment, call.deployment[MIGRATION.output], document)
        if wait:
            show(call, follow_to_its_end(call, arn))
        else:
            call.screen.answer(
                {"status": "running", "execution": arn},
                f"Started {name_of(arn)}. {how_to_go_on(call.deployment, arn)}",
            )


@dataclass(frozen=True)
class Order:
    """What is to be migrated; no tables: all."""

    dataset: Dataset
    prefix: str
    tables: tuple[str, ...]
    threshold: float
    on_conflict: OnConflict

    @property
    def document(self) -> dict[str, Any]:
        """The state machine's input."""
        narrowed = {"tables": list(self.tables)} if self.tables else {}
        return {
            "dataset": self.dataset.name,
            "prefix": self.prefix,
            "quality_threshold": self.threshold,
            "on_conflict": self.on_conflict.value,
            **narrowed,
        }


def read_order(dataset: str, prefix: str, tables: str, threshold: float, on_conflict: OnConflict) -> Order:
    """The order that the options mean. Raises ``WrongCall``, or the catalogue's ``InvalidInput``."""
    found = get_dataset(dataset)
    if not 0 <= threshold <= 1:
        raise WrongCall(f"--threshold {threshold:g}: a share from 0 to 1 is wanted.")
    if prefix.startswith(("s3:", "/")):
        raise WrongCall(
            f"--prefix {prefix}: give it without bucket and without a leading slash, such as {dataset}/."
        )
    names = [name.strip() for name in tables.split(",") if name.strip()]
    if tables and not names:
        raise WrongCall(f"--tables {tables!r} names no table.")
    # The end of a prefix is the end of a folder's name: without it, "olist" would also mean olist-old/.
    folder = f"{prefix.rstrip('/')}/" if prefix else f"{dataset}/"
    chosen = tuple(dict.fromkeys(found.table(name).name for name in names))
    return Order(found, folder, chosen, threshold, on_conflict)


def _send(call: Call, folder: Folder, prefix: str) -> None:
    """Upload the folder, and say what the user may not have meant."""
    if folder.unknown:
        call.screen.warn(
            f"No table of this dataset has these files, left alone: {', '.join(folder.unknown)}."
        )
    bucket = call.deployment["raw_bucket"]
    if folder.missing:
        names = ", ".join(folder.missing)
        call.screen.warn(f"{folder.path} lacks {names}; what lies in the bucket is taken, if there is any.")
    call.screen.say(f"Uploading {folder.path} to s3://{bucket}/{prefix}")
    sent = upload(call.deployment.s3, bucket, prefix, folder.files, call.screen, root=folder.path)
    call.screen.say(f"{sent} file(s) sent, {len(folder.files) - sent} there already.")
