"""Evaluate the lifecycle rules of a bucket's template for the age of an object, as S3 does for a versioned bucket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Rule = dict[str, Any]


def days_until_gone(rules: Sequence[Rule], key: str, deleted_after: float | None = None) -> float | None:
    """The age in days at which no version of the object is stored any more; None: never.

    ``deleted_after``: the age at which a program deletes or replaces the object, if it does. The object is current until
    then or until a rule expires it, and its version remains until a rule expires noncurrent versions.
    """
    expiring = [rule["ExpirationInDays"] for rule in _matching(rules, key) if "ExpirationInDays" in rule]
    ends = [*expiring, *([] if deleted_after is None else [deleted_after])]
    versions = [
        rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for rule in _matching(rules, key)
        if "NoncurrentVersionExpiration" in rule
    ]
    # A day begins at midnight UTC, and S3 rounds ages up.
    return min(ends) + min(versions) + 1 if ends and versions else None


def _matching(rules: Sequence[Rule], key: str) -> Iterator[Rule]:
    for rule in rules:
        unknown = rule.keys() - _KNOWN
        assert not unknown, f"the evaluator does not support {unknown}"
        if rule["Status"] == "Enabled" and key.startswith(rule.get("Prefix", "")):
            yield rule


_KNOWN = {
    "Id",
    "Status",
    "Prefix",
    "ExpirationInDays",
    "ExpiredObjectDeleteMarker",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "Transitions",
    "AbortIncompleteMultipartUpload",
}
