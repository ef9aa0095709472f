"""What a restore is asked to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from dataforge.backups import manifest
from dataforge.backups.manifest import Manifest
from dataforge.defaults import MOST_TABLES
from dataforge.errors import NoSuchBackup
from dataforge.runs.ids import FORM
from dataforge.runs.inputs import Id, Input
from dataforge.tables.datasets import DEFAULT, get_dataset

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


LATEST = "latest"

Name = Annotated[str, StringConstraints(max_length=100)]


class RestoreInput(Input):
    """The input of the state machine: one of ``table``, ``tables``, ``undo`` and ``finish`` is needed.

    ``backup``: an id, or ``latest`` for the newest that holds the tables, which is never a safety backup.
    ``undo``: the id of a restore, whose safety backup is then restored, by default all of it.
    ``finish``: the id of a restore that ended before its safety backup was written, to write it now.
    """

    dataset: Name = DEFAULT
    table: Name | None = None
    tables: list[Name] | None = Field(default=None, min_length=1, max_length=MOST_TABLES)
    backup: Name = LATEST
    undo: Id | None = None
    finish: Id | None = None
    dry_run: bool = False

    @model_validator(mode="after")
    def _one_aim(self) -> RestoreInput:
        if self.table is not None and self.tables is not None:
            raise ValueError("give table or tables, not both")
        if not self.wanted and not self.undo and not self.finish:
            raise ValueError(
                'name what to restore: {"table": "orders"} or {"tables": ["orders", "order_items"]}'
            )
        if self.undo and "backup" in self.model_fields_set:
            raise ValueError("undo names a restore, and so its backup; give one of both")
        if self.finish and self.model_fields_set - {"finish", "dataset"}:
            raise ValueError("finish goes with nothing else")
        return self

    @property
    def wanted(self) -> list[str]:
        """The tables that are asked for by name."""
        return [self.table] if self.table is not None else list(self.tables or ())


def read_input(document: Any) -> RestoreInput:
    """The input, its dataset and tables known to the catalogue. Raises ``InvalidInput`` and its kin."""
    request = RestoreInput.read(document)
    dataset = get_dataset(request.dataset)
    for name in request.wanted:
        dataset.table(name)
    return request


def find_backup(s3: S3Client, bucket: str, request: RestoreInput) -> Manifest:
    """The manifest of the backup that is meant; it holds every table that is asked for. Raises ``NoSuchBackup``."""
    if request.undo is None and request.backup == LATEST:
        return _latest(s3, bucket, request)
    wanted = request.undo or request.backup
    if not FORM.fullmatch(wanted):
        raise NoSuchBackup(
            f"There is no backup {wanted!r} of {request.dataset!r}: give an id as in 20261125T195930Z-1f0c2a9b."
        )
    found = manifest.read(s3, bucket, request.dataset, wanted)
    if request.undo and found.kind != "safety":
        raise NoSuchBackup(f"{request.undo} is a backup, not a restore: there is nothing to undo.")
    for name in request.wanted:
        found.table(name)
    return found


def _latest(s3: S3Client, bucket: str, request: RestoreInput) -> Manifest:
    wanted = set(request.wanted)
    for found in manifest.list_manifests(s3, bucket, request.dataset):
        if found.kind == "backup" and wanted <= {entry.table for entry in found.tables}:
            return found
    raise NoSuchBackup(
        f"No backup of {request.dataset!r} holds {', '.join(request.wanted)}. Make one first, or name a safety backup."
    )
