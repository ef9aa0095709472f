"""Input of the restore's state machine, and the backup that it selects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from dataforge.backups import manifest
from dataforge.backups.manifest import Manifest
from dataforge.defaults import MOST_TABLES
from dataforge.errors import NoSuchBackup
from dataforge.runs.ids import FORM, LATEST
from dataforge.runs.inputs import Id, Input
from dataforge.tables.datasets import DEFAULT, get_dataset
from functions.restore.stored import entry_of, tables_in

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


Name = Annotated[str, StringConstraints(max_length=100)]


class RestoreInput(Input):
    """One of ``table``, ``tables``, ``undo`` and ``finish`` is required.

    ``backup``: an id, or ``latest`` for the newest backup that has the tables; safety backups are ignored.
    ``undo``: the id of a restore whose safety backup is restored, by default all of its tables.
    ``finish``: the id of a restore that ended before its safety backup was written; the run writes it.
    """

    dataset: Name = DEFAULT
    table: Name | None = None
    tables: list[Name] | None = Field(default=None, min_length=1, max_length=MOST_TABLES)
    backup: Name = LATEST
    undo: Id | None = None
    finish: Id | None = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _one_request(self) -> RestoreInput:
        if self.table is not None and self.tables is not None:
            raise ValueError("specify either table or tables, not both")
        if not self.wanted and not self.undo and not self.finish:
            raise ValueError(
                'specify the tables: {"table": "orders"} or {"tables": ["orders", "order_items"]}'
            )
        if self.undo and "backup" in self.model_fields_set:
            raise ValueError("undo selects the backup; give undo or backup, not both")
        if self.finish and self.model_fields_set - {"finish", "dataset", "requested_by"}:
            raise ValueError("finish cannot be combined with other fields")
        return self

    @property
    def wanted(self) -> list[str]:
        """The requested tables."""
        return [self.table] if self.table is not None else list(self.tables or ())


def read_input(document: Any) -> RestoreInput:
    """The validated input; its dataset and tables are in the catalogue. Raises ``InvalidInput`` and its subclasses."""
    request = RestoreInput.read(document)
    dataset = get_dataset(request.dataset)
    for name in request.wanted:
        dataset.table(name)
    return request


def find_backup(s3: S3Client, bucket: str, request: RestoreInput) -> Manifest:
    """The manifest of the requested backup, which has every requested table. Raises ``NoSuchBackup``."""
    if request.undo is None and request.backup == LATEST:
        return _latest(s3, bucket, request)
    wanted = request.undo or request.backup
    if not FORM.fullmatch(wanted):
        raise NoSuchBackup(
            f"There is no backup {wanted!r} of {request.dataset!r}.",
            hint="Specify an id such as 20261125T195930Z-1f0c2a9b.",
        )
    found = manifest.read(s3, bucket, request.dataset, wanted)
    if request.undo and found.kind != "safety":
        raise NoSuchBackup(f"{request.undo} is the id of a backup, not of a restore, and cannot be undone.")
    for name in request.wanted:
        entry_of(found, get_dataset(request.dataset).table(name))
    return found


def _latest(s3: S3Client, bucket: str, request: RestoreInput) -> Manifest:
    for found in manifest.list_manifests(s3, bucket, request.dataset):
        if found.kind == "backup" and tables_in(found).keys() >= set(request.wanted):
            return found
    raise NoSuchBackup(
        f"No backup of {request.dataset!r} has {', '.join(request.wanted)}.",
        hint="Create a backup first, or specify a safety backup.",
    )
