"""Store the signatures that KMS computed for the state machine: of the manifest, and of the verification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.backups.signatures import NOT_SIGNED, Signature, write_signature
from dataforge.backups.verification import read_verification, write_verification
from dataforge.errors import DamagedBackup, NotReconciled
from dataforge.postgres.connection import transaction
from dataforge.s3.keys import VERIFICATION
from dataforge.settings import BackupSettings
from functions.backup.run import read_run

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataforge.postgres.types import Connection


def sign_manifest(
    db: Connection, s3: S3Client, settings: BackupSettings, run_id: str, mac: str
) -> dict[str, str]:
    """Write the signature of the run's manifest, which completes the backup. Idempotent. Raises ``BackupExists``."""
    with transaction(db) as cursor:
        run = read_run(cursor, run_id, lock=True)
        if run.manifest is None:
            raise NotReconciled(f"Backup {run.id} has no manifest to sign.")
        signature = Signature(**run.manifest._asdict(), mac=mac)
        write_signature(s3, settings.backup_bucket, run.dataset.name, run.backup_id, signature)
        cursor.execute("UPDATE dataforge.backups SET signed_at = now() WHERE run_id = %s", (run_id,))
    return {}


def refuse_signature(db: Connection, run_id: str) -> dict[str, str]:
    """Raise ``DamagedBackup``: KMS refused the signature of the backup to verify."""
    with transaction(db) as cursor:
        run = read_run(cursor, run_id)
    raise DamagedBackup(run.backup_id, [NOT_SIGNED])


def sign_verification(
    db: Connection, s3: S3Client, settings: BackupSettings, run_id: str, sha256: str, mac: str
) -> dict[str, str]:
    """Add the signature to the verification with this ``sha256``. Idempotent.

    Raises ``DamagedBackup`` if the verification was replaced since.
    """
    with transaction(db) as cursor:
        run = read_run(cursor, run_id, lock=True)
        found = read_verification(s3, settings.backup_bucket, run.dataset.name, run.backup_id)
        if found is None or found.reference.sha256 != sha256:
            raise DamagedBackup(run.backup_id, [f"{VERIFICATION} was replaced before it was signed"])
        signed = found.model_copy(update={"mac": mac})
        write_verification(s3, settings.backup_bucket, run.dataset.name, signed)
        cursor.execute("UPDATE dataforge.backups SET verified_at = now() WHERE run_id = %s", (run_id,))
    return {}
