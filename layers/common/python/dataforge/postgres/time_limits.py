"""Time limits of every login, in seconds.

A function sets those of its login for each of its connections (``dataforge.settings``). They are settings of the roles too,
for connections without Data Forge's code. A session may change its own, so they limit mistakes and load, not attackers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dataforge.defaults import API_SECONDS, FUNCTION_SECONDS
from dataforge.postgres.roles import ANALYST, DELIVER, FUNCTIONS, INGEST


class TimeLimits(NamedTuple):
    """The fields are named as PostgreSQL's settings. 0: no limit."""

    statement_timeout: int
    lock_timeout: int
    idle_in_transaction_session_timeout: int
    idle_session_timeout: int
    transaction_timeout: int


OF_RUNS = TimeLimits(FUNCTION_SECONDS - 30, 20, FUNCTION_SECONDS - 30, 1200, FUNCTION_SECONDS)
"""Below Lambda's limit of 15 minutes: a statement ends before its function is terminated. A snapshot exporter is idle for 13
minutes."""
OF_REQUESTS = TimeLimits(20, 8, 20, 60, API_SECONDS + 1)
"""API Gateway waits 29 seconds. Lambda keeps idle processes for minutes after a burst; their connections must become
available to others."""
OF_PEOPLE = TimeLimits(3600, 20, 600, 3600, 3600)

TIME_LIMITS: Mapping[str, TimeLimits] = {
    **dict.fromkeys(FUNCTIONS, OF_RUNS),
    INGEST: OF_REQUESTS,
    DELIVER: OF_REQUESTS,
    ANALYST: OF_PEOPLE,
}
