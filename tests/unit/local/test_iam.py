"""The evaluation of policies, in the cases that AWS documents."""

from __future__ import annotations

from typing import Any

import pytest

from local.iam.calls import Call, Decision, Document, Policies, Principal, Value, message
from local.iam.conditions import UnknownOperator
from local.iam.decide import decide

ROLE = Principal("arn:aws:sts::111122223333:assumed-role/Reader/session")
ROOT = Principal("arn:aws:iam::111122223333:root")
EVENTS = Principal("events.amazonaws.com")
OBJECT = "arn:aws:s3:::bucket/key"


def policy(effect: str = "Allow", action: Any = "s3:GetObject", resource: Any = "*", **more: Any) -> Document:
    statement = {"Effect": effect, **more}
    statement |= {} if "NotAction" in more else {"Action": action}
    statement |= {} if "NotResource" in more else {"Resource": resource}
    return {"Statement": [statement]}


def allowed(
    policies: Policies,
    *,
    principal: Principal = ROLE,
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    **context: Value,
) -> bool:
    known = {name.replace("__", ":").lower(): value for name, value in context.items()}
    return decide(Call(principal, action, resource, known), policies).allowed


def by_identity(*documents: Document, **others: Any) -> Policies:
    return Policies(identity=documents, **others)


ALL = policy(action="*")
DENY = policy("Deny", action="*")
NAMED = {"AWS": ROLE.identity}


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (Policies(), False),
        (by_identity(ALL), True),
        (by_identity(ALL, DENY), False),
        (by_identity(ALL, resource=policy("Deny", Principal="*")), False),
        (by_identity(ALL, resource=policy("Deny", Principal={"AWS": "*"})), False),
        (by_identity(ALL, resource=policy("Deny", Principal={"Service": EVENTS.arn})), True),
        (Policies(resource=policy(Principal=NAMED)), True),
        (Policies(resource=policy(Principal={"AWS": ROOT.arn})), False),
        (Policies(resource=policy(Principal={"AWS": "111122223333"})), False),
        (by_identity(ALL, resource=policy(Principal={"AWS": ROOT.arn})), True),
        # A boundary limits what a role's policies and a resource's policy for the role allow.
        (by_identity(ALL, boundary=policy(action="ec2:*")), False),
        (by_identity(ALL, boundary=ALL), True),
        (by_identity(ALL, boundary=DENY), False),
        (Policies(resource=policy(Principal=NAMED), boundary=policy(action="ec2:*")), False),
        (Policies(resource=policy(Principal={"AWS": ROLE.arn}), boundary=policy(action="ec2:*")), True),
        (Policies(resource=policy(Principal="*"), boundary=policy(action="ec2:*")), True),
        (by_identity(ALL, session=policy(action="ec2:*")), False),
        (by_identity(ALL, session=ALL), True),
        # The policy of a VPC endpoint must allow too.
        (by_identity(ALL, endpoint=policy(action="s3:PutObject", Principal="*")), False),
        (by_identity(ALL, endpoint=policy(Principal={"AWS": "*"})), True),
        (Policies(endpoint=policy(Principal="*")), False),
        # The policy of a KMS key must allow, itself or by delegation to the account.
        (by_identity(ALL, resource_must_allow=True), False),
        (by_identity(ALL, resource=policy(Principal={"AWS": ROOT.arn}), resource_must_allow=True), True),
        (Policies(resource=policy(Principal={"AWS": ROOT.arn}), resource_must_allow=True), False),
        (Policies(resource=policy(Principal=NAMED), resource_must_allow=True), True),
    ],
)
def test_policies_are_combined_as_aws_documents(policies: Policies, expected: bool) -> None:
    assert allowed(policies) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (policy(action="s3:getobject"), True),
        (policy(action="s3:Get*"), True),
        (policy(action="s3:GetObjec?"), True),
        (policy(action="s3:GetObject?"), False),
        (policy(action=["s3:PutObject", "s3:Get*"]), True),
        (policy(NotAction="s3:PutObject"), True),
        (policy(NotAction=["s3:Get*"]), False),
        (policy(resource="arn:aws:s3:::bucket/*"), True),
        (policy(resource="arn:aws:s3:::BUCKET/*"), False),
        (policy(resource="arn:aws:s3:::bucket"), False),
        (policy(resource="arn:aws:s3:::*/k?y"), True),
        (policy(NotResource="arn:aws:s3:::bucket/*"), False),
        (policy(NotResource="arn:aws:s3:::other/*"), True),
        (policy(resource="arn:aws:s3:::${aws:PrincipalAccount}/*"), False),
        (policy(resource="arn:aws:s3:::${s3:Bucket}/key"), True),
        (policy(resource="arn:aws:s3:::${aws:absent}/key"), False),
        (policy(resource="arn:aws:s3:::${aws:absent, 'bucket'}/key"), True),
        (policy(resource="arn:aws:s3:::bucket/${*}"), False),
        (policy(NotResource="arn:aws:s3:::${aws:absent}/key"), False),
        ({"Statement": policy()["Statement"][0]}, True),
    ],
)
def test_statement_applies_to_its_actions_and_resources(document: Document, expected: bool) -> None:
    assert allowed(by_identity(document), s3__Bucket="bucket") == expected


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"),
    [
        ("StringEquals", ["a", "b"], "b", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", "a", None, True),
        ("StringLike", "a*", "abc", True),
        ("StringNotLike", ["a*", "b*"], "c", True),
        ("NumericLessThan", "1.2", "1.3", False),
        ("NumericLessThan", 1.2, "1.1", True),
        ("NumericLessThan", 1.2, "x", False),
        ("NumericGreaterThanEquals", "10", "10", True),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59+00:00", True),
        ("DateGreaterThan", "1767225600", "2026-01-02", True),
        ("Bool", False, "false", True),
        ("Bool", "true", None, False),
        ("Null", "true", None, True),
        ("Null", "false", None, False),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True),
        ("NotIpAddress", "10.0.0.0/8", "10.1.2.3", False),
        ("ArnLike", "arn:aws:states:*:1:stateMachine:*", "arn:aws:states:eu-west-1:1:stateMachine:a", True),
        ("ArnLike", "arn:aws:states:*:stateMachine:*", "arn:aws:states:eu-west-1:1:stateMachine:a", False),
        ("ArnNotLike", "arn:aws:sns:*:*:*", "arn:aws:sns:eu-west-1:1:topic", False),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "b"), True),
        ("ForAllValues:StringEquals", ["a"], ("a", "b"), False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("ForAnyValue:StringEquals", ["a"], ("a", "b"), True),
        ("ForAnyValue:StringEquals", ["c"], ("a", "b"), False),
        ("ForAnyValue:StringEquals", ["a"], None, False),
        ("ForAnyValue:StringNotEquals", ["a"], ("a", "b"), True),
    ],
)
def test_condition_operator_compares_as_aws_documents(
    operator: str, wanted: Any, value: Value | None, expected: bool
) -> None:
    document = policy(Condition={operator: {"my:Key": wanted}})
    context = {} if value is None else {"my:key": value}
    call = Call(ROLE, "s3:GetObject", OBJECT, context)
    assert decide(call, by_identity(document)).allowed == expected


def test_unknown_condition_operator_is_an_error() -> None:
    with pytest.raises(UnknownOperator, match="StringsEqual"):
        allowed(by_identity(policy(Condition={"StringsEqual": {"a:b": "c"}})), a__b="c")


def test_service_needs_a_statement_of_the_resource_that_names_it() -> None:
    condition = {"ArnLike": {"aws:SourceArn": "arn:aws:events:eu-west-1:1:rule/mine"}}
    document = policy(Principal={"Service": EVENTS.arn}, Condition=condition)
    mine = {"aws__SourceArn": "arn:aws:events:eu-west-1:1:rule/mine"}
    assert allowed(Policies(resource=document), principal=EVENTS, **mine)
    assert not allowed(Policies(resource=document), principal=EVENTS)
    assert not allowed(Policies(resource=policy(Principal=NAMED)), principal=EVENTS, **mine)
    assert not allowed(by_identity(ALL), principal=EVENTS, **mine)


def test_root_is_allowed_everything_but_what_a_resource_denies_all() -> None:
    assert allowed(Policies(), principal=ROOT)
    assert not allowed(Policies(resource=policy("Deny", Principal="*")), principal=ROOT)


def test_excepted_principal_is_not_denied() -> None:
    document = policy("Deny", NotPrincipal={"AWS": [ROLE.identity, ROLE.arn, ROOT.arn]})
    assert allowed(by_identity(ALL, resource=document))
    other = Principal("arn:aws:sts::111122223333:assumed-role/Other/session")
    assert not allowed(by_identity(ALL, resource=document), principal=other)


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (
            Decision(allowed=False, kind="identity-based policy"),
            "because no identity-based policy allows the s3:GetObject action",
        ),
        (
            Decision(allowed=False, kind="identity-based policy", explicit=True),
            "with an explicit deny in an identity-based policy",
        ),
        (
            Decision(allowed=False, kind="resource-based policy", explicit=True),
            "with an explicit deny in a resource-based policy",
        ),
        (
            Decision(allowed=False, kind="VPC endpoint policy"),
            "because no VPC endpoint policy allows the s3:GetObject action",
        ),
    ],
)
def test_denial_names_principal_action_resource_and_type_of_policy(decision: Decision, reason: str) -> None:
    assert message(Call(ROLE, "s3:GetObject", OBJECT), decision) == (
        f"User: {ROLE.arn} is not authorized to perform: s3:GetObject "
        f'on resource: "arn:aws:s3:::bucket/key" {reason}'
    )
