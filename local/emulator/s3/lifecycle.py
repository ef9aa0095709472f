"""Carry out the lifecycle rules of buckets: expire objects, versions, delete markers and unfinished uploads; change classes.

The emulator only stores the rules. As on S3, a day counts from the midnight (UTC) after it has passed, and locked versions
remain.
"""

from datetime import datetime
from itertools import pairwise
from typing import Any

from ministack.services import s3

from local.emulator.anchors import require
from local.emulator.s3 import transitions
from local.emulator.s3.ages import is_over, versions_of_keys

Rule = dict[str, Any]


def apply() -> None:
    """Check the names on which ``expire`` depends."""
    require("s3.lifecycle", s3, "_buckets", "_bucket_lifecycle", "_object_versions", "_multipart_uploads")
    require("s3.lifecycle", s3, "_delete_object", "_abort_multipart_upload")


def expire(now: datetime) -> None:
    """Carry out every enabled rule. A second call with the same time changes nothing."""
    for bucket, rules in list(s3._bucket_lifecycle.items()):
        for rule in rules if isinstance(rules, list) else ():
            if rule.get("Status") == "Enabled" and bucket in s3._buckets:
                _carry_out(bucket, rule, now)


def _carry_out(bucket: str, rule: Rule, now: datetime) -> None:
    expiration, prefix = rule.get("Expiration", {}), _prefix(rule)
    transitions.carry_out(bucket, prefix, rule, now)
    if "Days" in expiration:
        for key in _expired(bucket, prefix, expiration["Days"], now):
            s3._delete_object(bucket, key, {}, {})
    noncurrent = rule.get("NoncurrentVersionExpiration", {})
    if "NoncurrentDays" in noncurrent:
        for key, version in _expired_versions(bucket, prefix, noncurrent, now):
            s3._delete_object(bucket, key, {}, {"versionId": [version]})
    # With a number of days, S3 deletes markers without versions as well.
    if expiration.get("ExpiredObjectDeleteMarker") or "Days" in expiration:
        for key, version in _lone_markers(bucket, prefix, expiration.get("Days", 0), now):
            s3._delete_object(bucket, key, {}, {"versionId": [version]})
    if abort := rule.get("AbortIncompleteMultipartUpload"):
        _abort(bucket, prefix, abort["DaysAfterInitiation"], now)


def _prefix(rule: Rule) -> str:
    found = rule.get("Filter", {})
    return str(found.get("Prefix") or found.get("And", {}).get("Prefix") or "")


def _expired(bucket: str, prefix: str, days: int, now: datetime) -> list[str]:
    objects = s3._buckets[bucket]["objects"]
    return [
        key
        for key, found in objects.items()
        if key.startswith(prefix) and is_over(found["last_modified"], days, now)
    ]


def _expired_versions(
    bucket: str, prefix: str, noncurrent: dict[str, int], now: datetime
) -> list[tuple[str, str]]:
    """The versions that have not been current for the rule's days, except the newest that the rule retains."""
    days, newest = noncurrent["NoncurrentDays"], noncurrent.get("NewerNoncurrentVersions", 0)
    found = []
    for key, versions in versions_of_keys(bucket, prefix):
        replaced = [
            (version["version_id"], successor["last_modified"]) for version, successor in pairwise(versions)
        ]
        retained = len(replaced) - newest
        found += [
            (key, version) for version, since in replaced[: max(retained, 0)] if is_over(since, days, now)
        ]
    return found


def _lone_markers(bucket: str, prefix: str, days: int, now: datetime) -> list[tuple[str, str]]:
    """The delete markers that hide no version any more."""
    return [
        (key, versions[0]["version_id"])
        for key, versions in versions_of_keys(bucket, prefix)
        if len(versions) == 1
        and versions[0].get("is_delete_marker")
        and is_over(versions[0]["last_modified"], days, now)
    ]


def _abort(bucket: str, prefix: str, days: int, now: datetime) -> None:
    for upload, found in list(s3._multipart_uploads.items()):
        if (
            found["bucket"] == bucket
            and found["key"].startswith(prefix)
            and is_over(found["created"], days, now)
        ):
            s3._abort_multipart_upload(bucket, found["key"], {"uploadId": [upload]})
