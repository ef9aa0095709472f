"""Findings of `make check` in a template and its state machines."""

from __future__ import annotations

import json
from typing import Any

from checks.templates import findings


def machine(definition: dict[str, Any]) -> dict[str, Any]:
    """A template whose state machine refers to another resource, as CDK writes it."""
    before, after = json.dumps(definition).split('"WORK"')
    role = "arn:aws:iam::111122223333:role/work"
    resource = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": role,
            "DefinitionString": {
                "Fn::Join": ["", [f'{before}"', {"Fn::GetAtt": ["Work", "Arn"]}, f'"{after}']]
            },
        },
    }
    work = {"Type": "AWS::SQS::Queue", "Properties": {}}
    return {"Resources": {"Machine": resource, "Work": work}}


def test_valid_state_machine_is_accepted() -> None:
    states = {"Go": {"Type": "Task", "Resource": "WORK", "End": True}}
    assert list(findings(machine({"StartAt": "Go", "States": states}))) == []


def test_state_without_next_or_end_is_found() -> None:
    states = {"Go": {"Type": "Task", "Resource": "WORK"}}
    assert "Go" in "\n".join(findings(machine({"StartAt": "Go", "States": states})))


def test_unknown_property_is_found() -> None:
    resources = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueNam": "x"}}}
    (found,) = findings({"Resources": resources})
    assert found.startswith("E3002")
    assert "QueueNam" in found


def test_transition_to_missing_state_is_found() -> None:
    states = {"Go": {"Type": "Task", "Resource": "WORK", "Next": "Gone"}}
    assert list(findings(machine({"StartAt": "Go", "States": states})))
