"""Recorded calls compared with policies: unused actions, and statements without effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.iam.calls import Call, Principal
from local.iam.decide import decide
from local.permissions import deployed as policies
from local.permissions.deployed import Deployed
from local.permissions.mutations import differences, survivors
from local.permissions.recorded import Recorded, attacks, read_calls
from local.permissions.usage import unused

READER = Principal("arn:aws:sts::000000000000:assumed-role/Stack-Reader1234ABCD-9F/one")
BUCKET = "arn:aws:s3:::raw"


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


@pytest.fixture
def stack() -> Deployed:
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    old = {"NumericLessThan": {"s3:TlsVersion": "1.2"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"{BUCKET}/*"}
    identity = {"Statement": [allow("s3:GetObject", "s3:PutObject"), allow("sqs:SendMessage")]}
    return Deployed(
        identity={"Stack-Reader1234ABCD-9F": {"default": identity}},
        resource={BUCKET: {"Statement": [deny | {"Condition": insecure}, deny | {"Condition": old}]}},
        endpoints={},
        names={"Stack-Reader1234ABCD-9F": "Reader", BUCKET: "Raw"},
    )


@pytest.fixture
def calls() -> list[Recorded]:
    context = {"aws:securetransport": "true", "s3:tlsversion": "1.3"}
    return [
        Recorded(Call(READER, "s3:GetObject", f"{BUCKET}/a", context), allowed=True),
        Recorded(Call(READER, "sns:Publish", "arn:aws:sns:eu-west-1:000000000000:t", context), allowed=False),
    ]


def test_action_that_no_allowed_call_needed_is_unused(stack: Deployed, calls: list[Recorded]) -> None:
    assert unused(stack, calls) == {("Reader", "s3:PutObject"), ("Reader", "sqs:SendMessage")}


def test_statement_without_which_every_decision_is_the_same_survives(
    stack: Deployed, calls: list[Recorded]
) -> None:
    assert [(owner, statement["Action"]) for owner, statement in survivors(stack, calls)] == [
        ("Reader", ["sqs:SendMessage"]),
        ("Raw", "s3:*"),
        ("Raw", "s3:*"),
    ]
    everything = [*calls, *attacks(calls)]
    assert [owner for owner, _ in survivors(stack, everything)] == ["Reader"]


def test_attacks_are_calls_without_tls_or_with_an_old_version(stack: Deployed, calls: list[Recorded]) -> None:
    tried = attacks(calls)
    assert [one.call.context.get("s3:tlsversion") for one in tried] == [None, "1.1"]
    assert not any(decide(one.call, stack.of(one.call)).allowed for one in tried)


def test_call_that_is_decided_otherwise_is_a_difference(stack: Deployed, calls: list[Recorded]) -> None:
    assert differences(stack, calls) == []
    wrong = Recorded(calls[0].call, allowed=False)
    assert differences(stack, [wrong]) == [wrong]


def test_policies_and_calls_are_read_as_they_were_written(stack: Deployed, tmp_path: Path) -> None:
    policies.write(stack, tmp_path / "policies.json")
    assert policies.read(tmp_path / "policies.json") == stack
    line = (
        '{"principal": "arn:aws:sts::0:assumed-role/R/s", "action": "a:B", "resource": "*", '
        '"context": {"aws:tagkeys": ["a"], "k": "v"}, "allowed": true}\n'
    )
    (tmp_path / "calls.jsonl").write_text(line)
    (found,) = read_calls(tmp_path / "calls.jsonl")
    assert found.call.context == {"aws:tagkeys": ("a",), "k": "v"}
