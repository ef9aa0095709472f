"""Ids of runs (migrations, backups, restores): ``20261125T195930Z-1f0c2a9b``, which sort by time.

Whoever starts an execution may choose the run's id by naming the execution so (``new_id``): the HTTP API does, since it has
to tell the id before the run's first step. Any other run's id is derived from its execution. So the first step of every
state machine says ``run_id(execution, started)``, and every retry of every step finds the same run.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta

FORM = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}")
"""What every id looks like; nothing else may become part of an object's key."""

# An execution may be started again under the same name after 90 days, and by hand under any name. Its id must not be that
# of an older run, whose files it would replace; so the time in a name has to be the present one.
_EARLIEST, _LATEST = timedelta(minutes=-10), timedelta(minutes=2)
# A start is told to the second here and to the millisecond there, and the name of an execution is older than the execution.
LEEWAY = timedelta(minutes=10)
_TIME = "%Y%m%dT%H%M%SZ"


def new_id(now: datetime, token: str) -> str:
    """The id of a run that is about to be started; ``token`` tells it from others of the same second."""
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


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
