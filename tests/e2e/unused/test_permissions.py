"""Every granted action is used by the end-to-end tests, or has a reason."""

from __future__ import annotations

from fnmatch import fnmatchcase

from local.permissions.deployed import Deployed
from local.permissions.mutations import differences
from local.permissions.reasons import REASONS
from local.permissions.recorded import Recorded
from local.permissions.usage import granted, unused


def test_policies_decide_on_the_recorded_calls_as_the_cloud_did(
    deployed: Deployed, calls: list[Recorded]
) -> None:
    assert differences(deployed, calls) == []


def test_every_granted_action_is_used_or_has_a_reason(deployed: Deployed, calls: list[Recorded]) -> None:
    found = unused(deployed, calls)
    assert sorted(pair for pair in found if not any(explains(reason, pair) for reason in REASONS)) == []


def test_every_reason_is_about_a_granted_action(deployed: Deployed) -> None:
    pairs = set(granted(deployed))
    assert [reason for reason in REASONS if not any(explains(reason, pair) for pair in pairs)] == []


def explains(reason: tuple[str, str], pair: tuple[str, str]) -> bool:
    """Whether the patterns of owner and action match."""
    return fnmatchcase(pair[0], reason[0]) and fnmatchcase(pair[1], reason[1])
