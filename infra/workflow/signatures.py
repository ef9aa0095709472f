"""States that have KMS sign or verify a document of a backup. The machine composes the message."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from dataforge.backups.signed_text import ALGORITHM, message

INVALID = ["Kms.KmsInvalidMacException", "Kms.KMSInvalidMacException"]
"""The error of VerifyMac for another HMAC. The embedded cloud names it as the service does."""


def text_of(bucket: s3.IBucket, purpose: str, backup: str, signed: str, backup_id: str = "backup_id") -> str:
    """The message for what ``signed`` (the path of ``version`` and ``sha256``) of the backup at ``backup`` states.

    ``purpose``: a constant, or a path. ``backup_id``: the field of the backup's id.
    """
    given = [
        *([purpose] if purpose.startswith("$") else []),
        f"{backup}.dataset",
        f"{backup}.{backup_id}",
        f"{signed}.version",
        f"{signed}.sha256",
    ]
    form = message("{}" if purpose.startswith("$") else purpose, bucket.bucket_name, *["{}"] * 4)
    return sfn.JsonPath.base64_encode(sfn.JsonPath.format(form, *map(sfn.JsonPath.string_at, given)))


def sign(scope: Construct, name: str, key: kms.IKey, text: str, result_path: str) -> tasks.CallAwsService:
    """Have KMS compute the HMAC of ``text``; it goes to ``mac`` of ``result_path``."""
    return _call(
        scope,
        name,
        key,
        "GenerateMac",
        {"Message": text},
        result_selector={"mac": sfn.JsonPath.string_at("$.Mac")},
        result_path=result_path,
    )


def verify(scope: Construct, name: str, key: kms.IKey, text: str, mac: str) -> tasks.CallAwsService:
    """Have KMS verify the HMAC at the path ``mac``. One that is not valid fails with an error of ``INVALID``."""
    parameters = {"Message": text, "Mac": sfn.JsonPath.string_at(mac)}
    return _call(scope, name, key, "VerifyMac", parameters, result_path=sfn.JsonPath.DISCARD)


def _call(
    scope: Construct,
    name: str,
    key: kms.IKey,
    action: str,
    parameters: Mapping[str, str],
    *,
    result_path: str,
    result_selector: Mapping[str, str] | None = None,
) -> tasks.CallAwsService:
    """Call KMS with the key. Retry for some minutes, unless the HMAC is not valid."""
    call = tasks.CallAwsService(
        scope,
        name,
        service="kms",
        action=action[0].lower() + action[1:],
        parameters={"KeyId": key.key_arn, "MacAlgorithm": ALGORITHM, **parameters},
        iam_action=f"kms:{action}",
        iam_resources=[key.key_arn],
        result_selector=result_selector,
        result_path=result_path,
    )
    call.add_retry(errors=INVALID, max_attempts=0)
    call.add_retry(
        errors=["States.ALL"],
        interval=Duration.seconds(2),
        backoff_rate=2,
        max_attempts=8,
        max_delay=Duration.seconds(60),
        jitter_strategy=sfn.JitterType.FULL,
    )
    return call
