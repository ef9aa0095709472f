"""The evaluation of policies agrees with another implementation, @cloud-copilot/iam-simulate, on generated cases.

It is installed into a temporary folder, because its license (AGPL) does not permit it to become a part of the product.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest

from local.config import ROOT
from local.iam.calls import Call, Policies, Principal, Value
from local.iam.decide import decide

CASES = 20_000
ORACLE = Path(__file__).parent / "iam_oracle"
ACCOUNT = "111122223333"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/Reader/session"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Reader"
ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:GetObjectVersion")
PATTERNS = ("s3:*", "*", "s3:Get*", "s3:getobject", "s3:PutObject", "s3:?etObject", "lambda:InvokeFunction")
RESOURCES = ("arn:aws:s3:::raw/a/b", "arn:aws:s3:::raw/c", "arn:aws:s3:::backup/a/b")
PLACES = (
    "*",
    "arn:aws:s3:::raw/*",
    "arn:aws:s3:::*/a/b",
    "arn:aws:s3:::backup/a/?",
    "arn:aws:s3:::${aws:RequestedRegion}/*",
    "arn:aws:s3:::RAW/*",
)
PRINCIPALS: tuple[Any, ...] = (
    "*",
    {"AWS": "*"},
    {"AWS": ROLE},
    {"AWS": SESSION},
    {"AWS": ACCOUNT},
    {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/Other"]},
    {"Service": "events.amazonaws.com"},
)
CONTEXT: dict[str, tuple[Any, ...]] = {
    "aws:RequestedRegion": (None, "raw", "eu-west-1"),
    "aws:SecureTransport": (None, "true", "false"),
    "aws:SourceIp": (None, "10.1.2.3", "192.0.2.1"),
    "aws:CurrentTime": (None, "2026-06-01T00:00:00Z", "2026-12-01T00:00:00Z"),
    "aws:TagKeys": (None, ["a"], ["a", "b"], ["c"]),
    "s3:TlsVersion": (None, "1.1", "1.2", "1.3"),
    "aws:PrincipalArn": (ROLE,),
    "aws:PrincipalAccount": (ACCOUNT,),
}
CONDITIONS: tuple[dict[str, Any], ...] = (
    {"Bool": {"aws:SecureTransport": "false"}},
    {"BoolIfExists": {"aws:SecureTransport": "true"}},
    {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
    {"NumericGreaterThanEquals": {"s3:TlsVersion": 1.2}},
    {"StringEquals": {"aws:RequestedRegion": ["raw", "x"]}},
    {"StringNotEquals": {"aws:RequestedRegion": ["raw", "x"]}},
    {"StringNotEqualsIfExists": {"aws:RequestedRegion": "raw"}},
    {"StringLike": {"aws:RequestedRegion": "eu-*"}},
    {"StringNotLike": {"aws:RequestedRegion": "EU-*"}},
    {"StringEqualsIgnoreCase": {"aws:RequestedRegion": "RAW"}},
    {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"DateGreaterThan": {"aws:CurrentTime": "2026-07-01T00:00:00Z"}},
    {"DateLessThanIfExists": {"aws:CurrentTime": "2026-07-01T00:00:00Z"}},
    {"ForAnyValue:StringEquals": {"aws:TagKeys": ["a", "z"]}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}},
    {"ForAllValues:StringLike": {"aws:TagKeys": ["a*"]}},
    {"Null": {"aws:TagKeys": "true"}},
    {"Null": {"aws:SourceIp": "false"}},
    {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/R*"}},
    {"ArnNotEquals": {"aws:PrincipalArn": ROLE}},
    {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}, "Bool": {"aws:SecureTransport": "true"}},
)


class Case:
    """A generated call with its policies."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        draw = self.random
        self.action, self.resource = draw.choice(ACTIONS), draw.choice(RESOURCES)
        drawn = {key: draw.choice(values) for key, values in CONTEXT.items()}
        self.context = {key: value for key, value in drawn.items() if value is not None}
        self.identity = [self.document() for _ in range(draw.randrange(3))]
        self.resource_policy = self.document(PRINCIPALS) if draw.random() < 0.6 else None
        self.boundary = self.document() if draw.random() < 0.3 else None
        # The other implementation accepts no principal but "*" in the policy of an endpoint.
        self.endpoint = self.document(("*",)) if draw.random() < 0.3 else None

    def document(self, principals: tuple[Any, ...] = ()) -> dict[str, Any]:
        count = self.random.randrange(1, 4)
        return {
            "Version": "2012-10-17",
            "Statement": [self.statement(principals) for _ in range(count)],
        }

    def statement(self, principals: tuple[Any, ...]) -> dict[str, Any]:
        draw = self.random
        found: dict[str, Any] = {"Effect": "Deny" if draw.random() < 0.2 else "Allow"}
        found |= {draw.choice(("Action", "Action", "NotAction")): self.some(PATTERNS)}
        found |= {draw.choice(("Resource", "Resource", "NotResource")): self.some(PLACES)}
        if draw.random() < 0.4:
            found["Condition"] = draw.choice(CONDITIONS)
        return found | ({"Principal": draw.choice(principals)} if principals else {})

    def some(self, values: tuple[str, ...]) -> list[str]:
        return self.random.sample(values, self.random.randrange(1, 3))

    @property
    def simulation(self) -> dict[str, Any]:
        """The case for the other implementation."""
        found = {
            "request": {
                "principal": SESSION,
                "action": self.action,
                "resource": {"resource": self.resource, "accountId": ACCOUNT},
                "contextVariables": self.context,
            },
            "identityPolicies": [
                {"name": str(number), "policy": policy} for number, policy in enumerate(self.identity)
            ],
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
            "resourcePolicy": self.resource_policy,
        }
        if self.boundary:
            found["permissionBoundaryPolicies"] = [{"name": "boundary", "policy": self.boundary}]
        if self.endpoint:
            found["vpcEndpointPolicies"] = [{"name": "endpoint", "policy": self.endpoint}]
        return {name: value for name, value in found.items() if value is not None}

    @property
    def decided(self) -> str:
        """The decision of this project, in the words of the other."""
        context: dict[str, Value] = {
            key.lower(): tuple(value) if isinstance(value, list) else value
            for key, value in self.context.items()
        }
        policies = Policies(
            identity=tuple(self.identity),
            boundary=self.boundary,
            resource=self.resource_policy,
            endpoint=self.endpoint,
        )
        found = decide(Call(Principal(SESSION), self.action, self.resource, context), policies)
        if found.allowed:
            return "Allowed"
        return "ExplicitlyDenied" if found.explicit else "ImplicitlyDenied"


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the other implementation."""
    folder = tmp_path_factory.mktemp("oracle")
    for file in (*ORACLE.iterdir(), ROOT / ".npmrc"):
        shutil.copy(file, folder)
    command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(command, cwd=folder, check=False).returncode:
        pytest.skip("the npm registry is unavailable")
    return folder


def test_decisions_are_those_of_the_other_implementation(oracle: Path) -> None:
    cases = [Case(seed) for seed in range(CASES)]
    asked, answered = oracle / "cases.jsonl", oracle / "answers.txt"
    asked.write_text("\n".join(json.dumps(case.simulation) for case in cases))
    subprocess.run(["node", "oracle.mjs", str(asked), str(answered)], cwd=oracle, check=True)
    answers = answered.read_text().split("\n")
    decided = [case.decided for case in cases]
    assert set(decided) == {"Allowed", "ExplicitlyDenied", "ImplicitlyDenied"}
    differing = [
        (seed, mine, other)
        for seed, (mine, other) in enumerate(zip(decided, answers, strict=True))
        if mine != other
    ]
    assert differing[:5] == []
