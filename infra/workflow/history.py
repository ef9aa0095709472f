"""The longest duration of a backup: Step Functions fails an execution whose history exceeds 25,000 events.

Only the backup's state machine loops while it works: its snapshot exporters are called again and again.
"""

from __future__ import annotations

EVENTS = 25_000

CALL_SECONDS = 13 * 60
"""A call of a snapshot exporter takes most of Lambda's 15 minutes."""

_EXPORTERS = 2
_EVENTS_OF_A_CALL = 10
"""Task entered and exited; function scheduled, started, succeeded; choice entered and exited. And three for one retry."""
_OTHER_EVENTS = 1_000
"""All other steps with their retries."""


def most_backup_hours() -> int:
    """The hours after which the history could be full."""
    events_per_hour = _EXPORTERS * _EVENTS_OF_A_CALL * 3600 / CALL_SECONDS
    return int((EVENTS - _OTHER_EVENTS) / events_per_hour)
