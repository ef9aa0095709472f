"""Limits of AWS that ministack does not have: one module per service or kind, each with AWS's error."""

from local.emulator.limits import (
    executions,
    gateway,
    map_results,
    packages,
    payloads,
    sandbox,
    starts,
    states,
)


def apply() -> None:
    """Enforce all of them."""
    for limit in (payloads, starts, sandbox, packages, states, map_results, executions, gateway):
        limit.apply()
