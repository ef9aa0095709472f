"""Limits of AWS that ministack does not have: one module per service or kind, each with AWS's error."""

from local.emulator.limits import executions, gateway, map_results, packages, payloads, sandbox, states


def apply() -> None:
    """Enforce all of them."""
    for limit in (payloads, sandbox, packages, states, map_results, executions, gateway):
        limit.apply()
