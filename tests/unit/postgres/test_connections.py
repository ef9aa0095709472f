"""Connection limits of the roles: their sum never exceeds the server's connections."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dataforge.errors import TooFewConnections
from dataforge.postgres.connection_budget import (
    ADMINISTRATORS,
    API_LEAST,
    API_MOST,
    SERVER,
    Budget,
    connections_of,
)
from dataforge.postgres.roles import BACKUP, DELIVER, INGEST, LOAD, LOGINS, MIGRATE, REFILL, RESTORE
from local.config import ROOT

DOCS = ROOT / "docs" / "operations.md"
SMALL = Budget(4, 4, 3)

concurrency = st.integers(1, 1000)


@given(st.builds(Budget, concurrency, concurrency, st.integers(1, 100)), st.integers(1, 5000))
def test_limits_leave_room_for_the_server_and_its_administrators(budget: Budget, connections: int) -> None:
    try:
        limits = budget.limits(connections, "it")
    except TooFewConnections as error:
        needed = int(re.search(r"need (\d+) connections", str(error))[1])  # type: ignore[index]
        assert needed > connections
        assert budget.limits(needed, "it")[INGEST] == API_LEAST
        return
    assert limits.keys() == set(LOGINS)
    assert sum(limits.values()) + SERVER + ADMINISTRATORS <= connections
    assert API_LEAST <= limits[INGEST] == limits[DELIVER] <= API_MOST


@given(st.builds(Budget, concurrency, concurrency, st.just(3)))
def test_limit_covers_one_connection_per_worker_of_a_run(budget: Budget) -> None:
    assume(budget.load_concurrency + budget.backup_concurrency < 600)
    limits = budget.limits(5000, "it")
    for role in (MIGRATE, LOAD, RESTORE, REFILL):
        assert limits[role] > budget.load_concurrency
    # Two snapshot exporters have two connections each, and a step of the run has one.
    assert limits[BACKUP] >= 2 * (budget.backup_concurrency + 5)


def test_too_few_connections_names_the_settings_and_the_class() -> None:
    with pytest.raises(
        TooFewConnections, match=r"loadConcurrency=20, backupConcurrency=4 .* t4g.micro has 77"
    ) as refused:
        Budget(20, 4, 3).limits(connections_of("t4g.micro"), "t4g.micro")
    assert str(refused.value).count("Hint:") == 1
    assert "Lower these settings" in refused.value.hint


@pytest.mark.parametrize(
    ("instance_class", "reported"),
    [("t3.micro", 81), ("t4g.small", 189), ("t3.medium", 403), ("m5.large", 823), ("r5.large", 1680)],
)
def test_class_counts_with_at_most_the_connections_that_its_instances_report(
    instance_class: str, reported: int
) -> None:
    assert reported * 0.9 < connections_of(instance_class) <= reported


def test_unknown_class_counts_with_the_lowest_number_of_connections() -> None:
    assert connections_of("q1.metal") <= connections_of("t4g.micro")
    assert connections_of("r7g.16xlarge") == 5000


def test_documentation_has_the_limits_of_each_class() -> None:
    rows = re.findall(r"^\| `(\S+)` \|((?: [\d,]+ \|)+)$", DOCS.read_text(), re.MULTILINE)
    assert len(rows) >= 6
    for name, numbers in rows:
        shown = [int(number.replace(",", "")) for number in re.findall(r"[\d,]+", numbers)]
        known = connections_of(name)
        limits = SMALL.limits(known, name)
        api = limits[INGEST]
        assert shown == [known, api, api, known - 2 * api], name
