"""Give a bucket of a stack its lifecycle rules, encryption and Object Lock, and refuse to delete one that is not empty.

The emulator's CloudFormation ignores these properties, and deletes buckets with everything in them.
"""

from typing import Any

from ministack.services import s3
from ministack.services.cloudformation import provisioners

from local.emulator.anchors import require
from local.emulator.s3.lifecycle import Rule

TYPE = "AWS::S3::Bucket"
SSE = "x-amz-server-side-encryption"
Properties = dict[str, Any]


class NotEmpty(ValueError):
    """CloudFormation reports the text as the reason of DELETE_FAILED."""

    def __init__(self, bucket: str) -> None:
        super().__init__(f"The bucket you tried to delete is not empty ({bucket})")


def apply() -> None:
    """The settings go where S3's own calls store them, so that those calls return them."""
    require(
        "s3.settings", provisioners, "_S3_BUCKET_CONFIGURATIONS", "_s3_delete", "_RESOURCE_HANDLERS", "_s3"
    )
    require("s3.settings", s3, "_bucket_lifecycle", "_bucket_encryption", "_bucket_object_lock", "_buckets")
    require("s3.settings", s3, "_lifecycle_rules_error", "_bucket_has_versions", "_delete_bucket")
    require(
        "s3.settings", s3, "_put_bucket_encryption", "_delete_bucket_encryption", "_resolve_sse_write_headers"
    )
    require("s3.settings", s3, "get_region", "get_account_id")
    provisioners._S3_BUCKET_CONFIGURATIONS += (
        ("LifecycleConfiguration", _rules, _put_rules, s3._delete_bucket_lifecycle),
        ("BucketEncryption", _encryption, s3._put_bucket_encryption, s3._delete_bucket_encryption),
        ("ObjectLockEnabled", bool, _enable_lock, lambda _bucket: None),
        ("ObjectLockConfiguration", _retention, _put_retention, lambda bucket: _put_retention(bucket, None)),
    )
    provisioners._RESOURCE_HANDLERS[TYPE]["delete"] = provisioners._s3_delete = _delete
    _encrypt_with_the_key_of_the_account()


def _encrypt_with_the_key_of_the_account() -> None:
    """Without a key, aws:kms encrypts with the key that S3 has in the account. CDK's own bucket is encrypted so."""
    original = s3._resolve_sse_write_headers

    def resolve(headers: dict[str, str], bucket: str) -> Any:
        if headers.get(SSE) == "aws:kms" and not headers.get(f"{SSE}-aws-kms-key-id"):
            key = f"arn:aws:kms:{s3.get_region()}:{s3.get_account_id()}:alias/aws/s3"
            headers = {**headers, f"{SSE}-aws-kms-key-id": key}
        return original(headers, bucket)

    s3._resolve_sse_write_headers = resolve


def _rules(properties: Properties) -> list[Rule]:
    return [_rule(rule) for rule in properties.get("Rules", [])]


def _rule(given: Properties) -> Rule:
    """A rule of a template in the form of S3's API."""
    rule: Rule = {"Status": given["Status"], "Filter": {"Prefix": given.get("Prefix", "")}}
    if "Id" in given:
        rule["ID"] = given["Id"]
    expiration: dict[str, Any] = {}
    if "ExpirationInDays" in given:
        expiration["Days"] = int(given["ExpirationInDays"])
    if "ExpiredObjectDeleteMarker" in given:
        expiration["ExpiredObjectDeleteMarker"] = _is_true(given["ExpiredObjectDeleteMarker"])
    if expiration:
        rule["Expiration"] = expiration
    for name in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        if name in given:
            rule[name] = {field: int(value) for field, value in given[name].items()}
    if "Transitions" in given:
        rule["Transitions"] = [
            {"StorageClass": one["StorageClass"], "Days": int(one["TransitionInDays"])}
            for one in given["Transitions"]
        ]
    if "NoncurrentVersionTransitions" in given:
        rule["NoncurrentVersionTransitions"] = [
            {"StorageClass": one["StorageClass"], "NoncurrentDays": int(one["TransitionInDays"])}
            for one in given["NoncurrentVersionTransitions"]
        ]
    return rule


def _put_rules(bucket: str, rules: list[Rule]) -> None:
    if error := s3._lifecycle_rules_error(rules):
        raise ValueError(error[2].decode())
    s3._bucket_lifecycle[bucket] = rules


def _encryption(properties: Properties) -> bytes:
    """The XML of PutBucketEncryption."""
    rules = ""
    for rule in properties.get("ServerSideEncryptionConfiguration", []):
        default = rule.get("ServerSideEncryptionByDefault", {})
        fields = "".join(f"<{name}>{value}</{name}>" for name, value in default.items())
        key = str(_is_true(rule.get("BucketKeyEnabled", False))).lower()
        rules += (
            f"<Rule><ApplyServerSideEncryptionByDefault>{fields}</ApplyServerSideEncryptionByDefault>"
            f"<BucketKeyEnabled>{key}</BucketKeyEnabled></Rule>"
        )
    return f'<ServerSideEncryptionConfiguration xmlns="{s3.S3_NS}">{rules}</ServerSideEncryptionConfiguration>'.encode()


def _enable_lock(bucket: str, enabled: bool) -> None:
    if enabled:
        # Object Lock turns versioning on.
        s3._bucket_versioning[bucket] = "Enabled"
        s3._bucket_object_lock.setdefault(bucket, {"enabled": True, "default_retention": None})


def _retention(properties: Properties) -> Properties | None:
    found: Properties | None = properties.get("Rule", {}).get("DefaultRetention")
    if found is None:
        return None
    return {name: int(value) if name in ("Days", "Years") else value for name, value in found.items()}


def _put_retention(bucket: str, retention: Properties | None) -> None:
    s3._bucket_object_lock[bucket] = {"enabled": True, "default_retention": retention}


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _delete(bucket: str, _properties: Properties) -> None:
    found = s3._buckets.get(bucket)
    if found is None:
        return
    if found["objects"] or s3._bucket_has_versions(bucket):
        raise NotEmpty(bucket)
    s3._delete_bucket(bucket)
