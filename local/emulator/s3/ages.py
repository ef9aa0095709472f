"""The ages of objects and versions, by which the rules of a bucket apply to them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.services import s3

Version = dict[str, Any]
DAY = timedelta(days=1)


def is_over(since: str, days: int, now: datetime) -> bool:
    """Whether the midnight after these days has passed; without days, at once."""
    if not days:
        return True
    end = datetime.fromisoformat(since) + days * DAY
    midnight = datetime.combine(end.date(), datetime.min.time(), UTC)
    return now >= (midnight if midnight == end else midnight + DAY)


def versions_of_keys(bucket: str, prefix: str) -> Iterator[tuple[str, list[Version]]]:
    """Each key's versions, the oldest first."""
    for (name, key), versions in list(s3._object_versions.items()):
        if name == bucket and key.startswith(prefix):
            yield key, list(versions)
