"""Ids of runs (migrations, backups, restores): ``20261125T195930Z-1f0c2a9b``, which sort by time.

A caller can choose the run's id as the name of the execution (``new_id``). The HTTP API does, because it returns the id
before the run's first step. Other ids are derived from the execution. The first step of every state machine therefore calls
``run_id(execution, started)``, and every retry of every step finds the same run.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta

FORM = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
"""The format of an id; no other text becomes part of an object's key."""

LATEST = "latest"
"""In place of an id: the newest run or backup of its kind."""

# The name of an execution can be used again after 90 days, and a user can choose any name. The id must differ from those of
# older runs, whose files it would replace, so the time in a name must be current.
_EARLIEST, _LATEST = timedelta(minutes=-10), timedelta(minutes=2)
# An id has seconds, Step Functions has milliseconds, and the name of an execution is older than the execution.
LEEWAY = timedelta(minutes=10)
_TIME = "%Y%m%dT%H%M%SZ"


def new_id(now: datetime, token: str) -> str:
    """The id of a run that is about to be started; ``token`` distinguishes it from others of the same second."""
    return f"{now.astimezone(UTC).strftime(_TIME)}-{_digest(token)}"


def run_id(execution: str, started: str) -> str:
    """The id of the run of an execution (its ARN), which ``started`` at a time in ISO 8601, UTC."""
    start = datetime.fromisoformat(started).astimezone(UTC)
    name = execution.rpartition(":")[2]
    time = time_of(name)
    if time is not None and _EARLIEST <= time - start <= _LATEST:
        return name
    return new_id(start, execution)


def may_be(run: str, execution: str, start: datetime) -> bool:
    """Whether an execution that is listed with this start has the run of this id."""
    time = time_of(run)
    if time is None or abs(time - start) > LEEWAY:
        return False
    return run in (execution.rpartition(":")[2], new_id(time, execution))


def time_of(text: str) -> datetime | None:
    """The time in an id, or None if ``text`` is none."""
    if not FORM.fullmatch(text):
        return None
    try:
        return datetime.strptime(text.partition("-")[0], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def is_future(text: str) -> bool:
    """Whether the time in an id is later than any clock explains."""
    time = time_of(text)
    return time is not None and time - datetime.now(UTC) > LEEWAY


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
