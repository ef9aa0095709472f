"""How long a backup may run: Step Functions fails an execution whose history would hold more than 25,000 events.

Of all state machines only the backup's loops for as long as it works: its holders begin one life after another.
"""

from __future__ import annotations

EVENTS = 25_000

LIFE_SECONDS = 13 * 60
"""A holder lives for most of Lambda's 15 minutes."""

_HOLDERS = 2
_EVENTS_OF_A_LIFE = 10
"""Task entered and exited; function scheduled, started, succeeded; choice entered and exited. And one retry, of three."""
_OTHER_EVENTS = 1_000
"""All other steps, with all of their retries."""


def most_backup_hours() -> int:
    """The hours after which the history could be full."""
    events_per_hour = _HOLDERS * _EVENTS_OF_A_LIFE * 3600 / LIFE_SECONDS
    return int((EVENTS - _OTHER_EVENTS) / events_per_hour)
