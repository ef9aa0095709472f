"""The phases of the command line match the states of the machines."""

from __future__ import annotations

from typing import Any

import pytest

from dataforge_cli.aws.machines import MACHINES, Machine

WORDLESS = (
    "DescribeHolder",
    "Hold",
    "Sign",
    "Store",
    "VerifySignature",
    "RefuseSignature",
    "SelectOlder",
    "StartWorker",
    "WriteManifest",
)
"""Prefixes of states that take a moment or run beside a working state; they have no phase."""


@pytest.mark.parametrize("described", MACHINES, ids=[described.kind for described in MACHINES])
def test_every_working_state_has_a_phase_and_every_phase_a_state(
    dev: dict[str, dict[str, dict[str, Any]]], machine: Any, all_states: Any, described: Machine
) -> None:
    _, definition = machine(dev, described.kind)
    states = all_states(definition)
    assert [phase for phase in described.phases if not any(name.startswith(phase) for name in states)] == []
    working = {name for name, state in states.items() if state["Type"] in {"Task", "Map", "Parallel"}}
    assert [name for name in working if not name.startswith((*described.phases, *WORDLESS))] == []
