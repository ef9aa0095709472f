"""Move objects and versions to other storage classes, as the lifecycle rules of their bucket state.

As on S3, objects of less than 128 KiB are not moved. The emulator refuses to read an object that is in an archive.
"""

from datetime import datetime
from itertools import pairwise
from typing import Any

from ministack.services import s3

from local.emulator.s3.ages import Version, is_over, versions_of_keys

LEAST_BYTES = 128 * 1024


def carry_out(bucket: str, prefix: str, rule: dict[str, Any], now: datetime) -> None:
    """Move what is due by a rule. A version that was replaced counts its days from then on."""
    current = rule.get("Transitions", [])
    for key, found in s3._buckets[bucket]["objects"].items():
        if key.startswith(prefix):
            _move(found, current, "Days", found["last_modified"], now)
    for _, versions in versions_of_keys(bucket, prefix):
        _move(versions[-1], current, "Days", versions[-1]["last_modified"], now)
        for version, successor in pairwise(versions):
            replaced = rule.get("NoncurrentVersionTransitions", [])
            _move(version, replaced, "NoncurrentDays", successor["last_modified"], now)


def _move(found: Version, transitions: list[dict[str, Any]], age: str, since: str, now: datetime) -> None:
    due = [one for one in transitions if age in one and is_over(since, one[age], now)]
    if due and found.get("size", 0) >= LEAST_BYTES:
        found["storage_class"] = max(due, key=lambda one: int(one[age]))["StorageClass"]
