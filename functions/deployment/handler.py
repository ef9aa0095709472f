"""Entry point of the function behind the custom resources of a deployment.

The function runs outside the VPC, where it can call RDS, S3, CloudWatch and CloudFormation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from dataforge.aws.clients import WORKER, make_client
from dataforge.aws.custom_resource import answer
from dataforge.aws.telemetry import entry_point, make_logger
from functions.deployment.backup_lock import lock_backups
from functions.deployment.backup_watch import begin_watch
from functions.deployment.instance import prepare
from functions.deployment.protection import protect

logger = make_logger("deployment")


@entry_point(logger)
def on_event(event: dict[str, Any], context: LambdaContext) -> None:
    """Process a CloudFormation request for the resource that ``ResourceType`` names."""
    kind = event["ResourceType"].rpartition("::")[2]
    logger.info("requested", extra={"resource": kind, "request": event["RequestType"]})
    answer(event, kind, partial(_work, kind, event))


def _work(kind: str, event: dict[str, Any]) -> Mapping[str, str]:
    rds = make_client("rds", WORKER)
    if kind == "DataForgeInstance":
        return prepare(rds, make_client("logs", WORKER), make_client("cloudformation", WORKER), event)
    if kind == "DataForgeBackupWatch":
        return begin_watch(make_client("cloudwatch", WORKER), event)
    if kind == "DataForgeBackupLock":
        return lock_backups(make_client("s3", WORKER), make_client("cloudformation", WORKER), event)
    if kind == "DataForgeProtection":
        return protect(rds, make_client("cloudformation", WORKER), event)
    raise ValueError(f"unknown resource {kind!r}")
