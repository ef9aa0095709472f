"""Entry point of the function that registers a backup in Glue, a step of the backup's state machine."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.aws.clients import WORKER, make_client
from dataforge.aws.telemetry import entry_point, make_logger
from dataforge.backups import manifest
from dataforge.backups.manifest import Reference
from dataforge.settings import GlueSettings, read
from functions.glue.tables import register_tables

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


SERVICE = "glue"
logger = make_logger(SERVICE)


@cache
def _s3() -> S3Client:
    return make_client("s3", WORKER)


@entry_point(logger)
def register(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Register the tables of the backup ``event["backup_id"]`` of ``event["dataset"]``. Repeating it is harmless.

    ``event["manifest"]``: which manifest was verified; not in executions that an earlier version started.
    """
    settings = read(GlueSettings)
    verified = Reference.of(event["manifest"]) if "manifest" in event else None
    backup = manifest.read(_s3(), settings.backup_bucket, event["dataset"], event["backup_id"], verified)
    register_tables(settings, backup)
    logger.info("registered", extra={"backup_id": backup.backup_id, "tables": len(backup.tables)})
    return {}
