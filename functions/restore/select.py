"""Select the backup to restore, whose signature the state machine then verifies; if it is not valid, an older one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dataforge.backups import manifest
from dataforge.backups.manifest import Manifest
from dataforge.backups.signatures import NOT_SIGNED, Selected
from dataforge.errors import DamagedBackup, NoSuchBackup, UnsignedBackup
from dataforge.postgres.connection import transaction
from dataforge.postgres.roles import RESTORE_RUN
from dataforge.runs.ids import FORM, LATEST
from dataforge.settings import RestoreSettings
from dataforge.tables.datasets import get_dataset
from functions.restore.request import RestoreInput, read_input
from functions.restore.run import Run, read_run
from functions.restore.stored import entry_of, tables_in

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection, Cursor


MOST_SKIPPED = 100
"""The newer backups that ``latest`` may skip. A principal that may write to the bucket could add any number."""

_SHOWN = 10


def find_backup(s3: S3Client, bucket: str, request: RestoreInput) -> tuple[Selected, list[str]]:
    """The requested backup, which has every requested table; and the newer ones that ``latest`` skips, with the reasons.

    Raises ``NoSuchBackup``, ``UnsignedBackup``, ``DamagedBackup``.
    """
    if request.undo is None and request.backup == LATEST:
        return _latest(s3, bucket, request, "", [])
    wanted = request.undo or request.backup
    if not FORM.fullmatch(wanted):
        raise NoSuchBackup(
            f"There is no backup {wanted!r} of {request.dataset!r}.",
            hint="Specify an id such as 20261125T195930Z-1f0c2a9b.",
        )
    stored = manifest.read_stored(s3, bucket, request.dataset, wanted)
    if request.undo and stored.manifest.kind != "safety":
        raise NoSuchBackup(f"{request.undo} is the id of a backup, not of a restore, and cannot be undone.")
    for name in request.wanted:
        entry_of(stored.manifest, get_dataset(request.dataset).table(name))
    return Selected.of(s3, bucket, stored, unsigned=request.unsigned), []


def _latest(
    s3: S3Client, bucket: str, request: RestoreInput, before: str, skipped: list[str]
) -> tuple[Selected, list[str]]:
    """The newest backup with the tables and with a signature, older than ``before`` unless that is empty."""
    skipped = [*skipped]
    for backup_id in _older_ids(s3, bucket, request.dataset, before):
        if len(skipped) > MOST_SKIPPED:
            break
        try:
            stored = manifest.read_stored(s3, bucket, request.dataset, backup_id)
            if _is_candidate(stored.manifest, request):
                return Selected.of(s3, bucket, stored, unsigned=False), skipped
        except NoSuchBackup:
            continue
        except (UnsignedBackup, DamagedBackup) as error:
            skipped.append(error.message)
    raise _none_left(request, skipped)


def _older_ids(s3: S3Client, bucket: str, dataset: str, before: str) -> Iterator[str]:
    for backup_id in sorted(manifest.backup_ids(s3, bucket, dataset), reverse=True):
        if FORM.fullmatch(backup_id) and (not before or backup_id < before):
            yield backup_id


def _is_candidate(found: Manifest, request: RestoreInput) -> bool:
    return found.kind == "backup" and tables_in(found).keys() >= set(request.wanted)


def _none_left(request: RestoreInput, skipped: list[str]) -> NoSuchBackup:
    message = f"No backup of {request.dataset!r} has {', '.join(request.wanted)}."
    if not skipped:
        return NoSuchBackup(message, hint="Create a backup first, or specify a safety backup.")
    more = [f"And {len(skipped) - _SHOWN} more."] if len(skipped) > _SHOWN else []
    return NoSuchBackup(
        f"No signed backup of {request.dataset!r} has {', '.join(request.wanted)}.",
        " ".join(["Skipped:", *skipped[:_SHOWN], *more]),
        hint=f"Specify the id of the backup. {UnsignedBackup.hint}",
    )


def record_selection(cursor: Cursor, restore_id: str, selected: Selected, skipped: list[str]) -> None:
    """Record in the ledger which backup the run restores."""
    cursor.execute(
        "UPDATE dataforge.restores SET backup_id = %s, signed = %s, skipped = %s"
        " WHERE restore_id = %s AND status = 'running'",
        (selected.stored.manifest.backup_id, selected.signature is not None, skipped, restore_id),
    )


def select_older(
    db: Connection, s3: S3Client, settings: RestoreSettings, run_id: str, document: Any
) -> dict[str, Any]:
    """The signature of the selected backup is not valid: select an older one, if the input requests ``latest``.

    Returns the "signature" of that one. Raises ``DamagedBackup`` for a backup that was requested by its id, and
    ``NoSuchBackup``.
    """
    request = read_input(document)
    with transaction(db, role=RESTORE_RUN) as cursor:
        run, skipped = read_run(cursor, run_id), _read_skipped(cursor, run_id)
    damaged = DamagedBackup(run.backup_id, [NOT_SIGNED])
    if request.undo or request.backup != LATEST:
        raise damaged
    selected, skipped = _latest(
        s3, settings.backup_bucket, request, run.backup_id, [*skipped, damaged.message]
    )
    with transaction(db, role=RESTORE_RUN) as cursor:
        record_selection(cursor, run_id, selected, skipped)
    return _answer(run) | selected.answer()


def _answer(run: Run) -> dict[str, Any]:
    return {"restore_id": run.id, "dataset": run.dataset.name, "holder": ""}


def _read_skipped(cursor: Cursor, run_id: str) -> list[str]:
    cursor.execute("SELECT coalesce(skipped, '{}') FROM dataforge.restores WHERE restore_id = %s", (run_id,))
    row = cursor.fetchone()
    return list(row[0]) if row else []
