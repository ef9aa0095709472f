"""Check the files of a migration by the rules of the run, and upload them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dataforge.errors import UnexpectedFiles
from dataforge.files.listing import FileList, list_files, present_tables
from dataforge_cli.aws.deployed_datasets import require_deployed
from dataforge_cli.aws.raw_objects import BUCKET, archives_of, list_stored
from dataforge_cli.aws.upload import upload
from dataforge_cli.call import Call
from dataforge_cli.errors import IncompleteFolder, WrongCall
from dataforge_cli.records.folder import Folder, read_folder
from dataforge_cli.runs.migration import some
from dataforge_cli.runs.request import Order


def find_present(call: Call, order: Order) -> Order:
    """Return the order for the tables with files in the bucket. Raises ``WrongCall`` if there are none."""
    stored = list_stored(call.deployment, order.prefix)
    paths = [one.path for one in stored]
    opened = archives_of(call.deployment, stored)
    found = present_tables(order.dataset, paths, order.ignore, order.prefix, opened)
    return _narrowed(call, order, found, f"s3://{call.deployment[BUCKET]}/{order.prefix}")


def send_folder(
    call: Call, path: Path, order: Order, *, deploy: bool = False
) -> tuple[Order, Mapping[str, str]]:
    """Check the folder's files and the deployment of their dataset, and upload them.

    Returns the order for them, and the files that were not sent with the reasons.

    Raises the errors of ``read_folder`` and ``require_deployed``, ``UnexpectedFiles`` for objects of earlier uploads, and
    ``IncompleteFolder``.
    """
    tables = order.tables or tuple(order.dataset.tables)
    folder = read_folder(path, order.dataset, tables, order.ignore, order.prefix)
    require_deployed(call, order.dataset.name, deploy=deploy)
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
    call.screen.say(f"{sent} file(s) sent, {len(folder.files) - sent} already stored.")
    return order, folder.ignored


def _earlier(call: Call, folder: Folder, order: Order, tables: Sequence[str]) -> FileList:
    """Check objects of earlier uploads, and report those that the run also reads."""
    stored = list_stored(call.deployment, order.prefix)
    paths = {one.path for one in stored} - folder.names
    opened = archives_of(call.deployment, stored)
    found = list_files(order.dataset, tables, paths, order.ignore, order.prefix, opened)
    if found.doubtful:
        raise UnexpectedFiles({order.prefix + name: reason for name, reason in found.doubtful.items()})
    if found.taken:
        names = some([order.prefix + name for name in found.files])
        call.screen.warn(
            f"{folder.path} lacks files that an earlier upload left in the bucket; the run reads them too: {names}."
            f" `dataforge files --dataset {order.dataset.name} --prefix {order.prefix} --remove KEY` removes them."
        )
    return found


def _narrowed(call: Call, order: Order, tables: Sequence[str], where: str) -> Order:
    """Return the order for the tables with files, and print them. Raises ``WrongCall`` if there are none."""
    if not tables:
        raise WrongCall(f"{where} has no file of dataset {order.dataset.name!r}.")
    lacking = [name for name in order.dataset.tables if name not in tables]
    call.screen.say(
        f"Tables with files: {', '.join(tables)}."
        + (f" Not migrated, without files: {', '.join(lacking)}." if lacking else "")
    )
    return replace(order, tables=tuple(tables))
