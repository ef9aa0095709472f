"""``dataforge migrate``: upload a folder of CSVs, start the migration, follow it to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from dataforge.catalogue import Dataset
from dataforge.datasets import DEFAULT, get_dataset
from dataforge.errors import UnexpectedFiles
from dataforge.filelist import FileList, list_files, present_tables
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import IncompleteFolder, WrongCall
from dataforge_cli.executions import name_of, start
from dataforge_cli.folder import Folder, read_folder
from dataforge_cli.follow import how_to_go_on
from dataforge_cli.machines import MIGRATION
from dataforge_cli.migration import follow_to_its_end, show, some
from dataforge_cli.options import Debug, Follow, Ignore, Json, OutputsFile, Prefix, Stage
from dataforge_cli.stored import BUCKET, list_stored
from dataforge_cli.upload import upload

DEFAULT_THRESHOLD = 0.95
PRESENT = "present"


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
            raise WrongCall("--resume goes on with a run as it was begun: give it alone, or with --dataset.")
        if folder is not None:
            order = _send(call, folder, order)
        elif order.present:
            stored = [one.path for one in list_stored(call.deployment, order.prefix)]
            found = present_tables(order.dataset, stored, order.ignore, order.prefix)
            order = _narrowed(call, order, found, f"s3://{call.deployment[BUCKET]}/{order.prefix}")
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
class Names:
    """A dataset, and the folder of the raw bucket with its files; it ends with a slash."""

    dataset: Dataset
    prefix: str


def read_names(dataset: str, prefix: str) -> Names:
    """The dataset and the prefix that the options mean. Raises ``WrongCall``, or the catalogue's ``InvalidInput``."""
    found = get_dataset(dataset)
    if prefix.startswith(("s3:", "/")):
        raise WrongCall(
            f"--prefix {prefix}: give it without bucket and without a leading slash, such as {dataset}/."
        )
    # The end of a prefix is the end of a folder's name: without it, "olist" would also mean olist-old/.
    return Names(found, f"{prefix.rstrip('/')}/" if prefix else f"{dataset}/")


@dataclass(frozen=True)
class Order:
    """What is to be migrated; no tables: all. ``present``: those whose files are there, which is looked up later."""

    dataset: Dataset
    prefix: str
    tables: tuple[str, ...]
    threshold: float
    on_conflict: OnConflict
    ignore: tuple[str, ...]
    present: bool

    @property
    def document(self) -> dict[str, Any]:
        """The state machine's input."""
        narrowed = {"tables": list(self.tables)} if self.tables else {}
        ignored = {"ignore": list(self.ignore)} if self.ignore else {}
        return {
            "dataset": self.dataset.name,
            "prefix": self.prefix,
            "quality_threshold": self.threshold,
            "on_conflict": self.on_conflict.value,
            **narrowed,
            **ignored,
        }


def read_order(
    dataset: str,
    prefix: str,
    tables: str,
    threshold: float,
    on_conflict: OnConflict,
    ignore: Sequence[str] = (),
) -> Order:
    """The order that the options mean. Raises ``WrongCall``, or the catalogue's ``InvalidInput``."""
    names = read_names(dataset, prefix)
    if not 0 <= threshold <= 1:
        raise WrongCall(f"--threshold {threshold:g}: a share from 0 to 1 is wanted.")
    present = tables.strip() == PRESENT and PRESENT not in names.dataset.tables
    wanted = [] if present else [name.strip() for name in tables.split(",") if name.strip()]
    if tables and not wanted and not present:
        raise WrongCall(f"--tables {tables!r} names no table.")
    if "" in ignore:
        raise WrongCall("--ignore '' matches no file. Give a pattern, such as '*.bak'.")
    chosen = tuple(dict.fromkeys(names.dataset.table(name).name for name in wanted))
    return Order(names.dataset, names.prefix, chosen, threshold, on_conflict, tuple(ignore), present)


def _send(call: Call, path: Path, order: Order) -> Order:
    """Upload the folder's files, after a look at what the run would make of them; returns the order that fits them.

    Raises what ``read_folder`` does, ``UnexpectedFiles`` for objects of earlier uploads, or ``IncompleteFolder``.
    """
    tables = order.tables or tuple(order.dataset.tables)
    folder = read_folder(path, order.dataset, tables, order.ignore, order.prefix)
    if order.present:
        order = _narrowed(call, order, folder.tables, str(path))
        tables = order.tables
    if folder.ignored:
        left = [f"{name} ({reason})" for name, reason in folder.ignored.items()]
        call.screen.say(f"Not sent: {some(left)}.")
    earlier = _earlier(call, folder, order, tables)
    missing = {table: file for table, file in folder.missing.items() if table in tables}
    if absent := {table: file for table, file in missing.items() if table in earlier.missing}:
        raise IncompleteFolder(path, absent, folder.tables)
    bucket = call.deployment[BUCKET]
    call.screen.say(f"Uploading {path} to s3://{bucket}/{order.prefix}")
    sent = upload(call.deployment.s3, bucket, order.prefix, folder.files, call.screen, root=path)
    call.screen.say(f"{sent} file(s) sent, {len(folder.files) - sent} there already.")
    return order


def _earlier(call: Call, folder: Folder, order: Order, tables: Sequence[str]) -> FileList:
    """What the run would make of objects that an earlier upload left; those that it reads, too, are named."""
    paths = {one.path for one in list_stored(call.deployment, order.prefix)} - folder.names
    found = list_files(order.dataset, tables, paths, order.ignore, order.prefix)
    if found.doubtful:
        raise UnexpectedFiles({order.prefix + name: reason for name, reason in found.doubtful.items()})
    if found.taken:
        names = some([order.prefix + name for name, _ in found.taken])
        call.screen.warn(
            f"{folder.path} lacks files that an earlier upload left in the bucket; the run reads them too: {names}."
            " `dataforge files --remove KEY` removes them."
        )
    return found


def _narrowed(call: Call, order: Order, tables: Sequence[str], where: str) -> Order:
    """The order for the tables whose files are there, which are named. Raises ``WrongCall`` if there are none."""
    if not tables:
        raise WrongCall(f"{where} has no file of dataset {order.dataset.name!r}.")
    lacking = [name for name in order.dataset.tables if name not in tables]
    call.screen.say(
        f"Tables whose files are there: {', '.join(tables)}."
        + (f" Without a file, and not migrated: {', '.join(lacking)}." if lacking else "")
    )
    return replace(order, tables=tuple(tables))
