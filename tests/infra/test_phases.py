"""The command line's words for what a run does fit the states that the machines really have."""

from __future__ import annotations

from typing import Any

import pytest

from dataforge_cli.aws.machines import MACHINES, Machine

WORDLESS = ("DescribeHolder", "Hold")
"""How the names of states begin that last a moment, or stand beside those that work: the word of another tells more."""


@pytest.mark.parametrize("told", MACHINES, ids=[told.kind for told in MACHINES])
def test_every_state_that_works_has_words_and_every_word_a_state(
    dev: dict[str, dict[str, dict[str, Any]]], machine: Any, all_states: Any, told: Machine
) -> None:
    _, definition = machine(dev, told.kind)
    states = all_states(definition)
    assert [phase for phase in told.phases if not any(name.startswith(phase) for name in states)] == []
    working = {name for name, state in states.items() if state["Type"] in {"Task", "Map", "Parallel"}}
    assert [name for name in working if not name.startswith((*told.phases, *WORDLESS))] == []
