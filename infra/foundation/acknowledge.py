"""cdk-nag: how a finding is acknowledged, next to the resource that it is about."""

from __future__ import annotations

from aws_cdk import Acknowledgment, CfnElement, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reason: str, *rules: str) -> None:
    """Accept the findings ``rules`` on ``construct`` and everything below it, for a reason worth reading.

    A rule is named as cdk-nag prints it without its pack: ``RDS3``, ``IAM5[Resource::*]``.
    """
    Validations.of(construct).acknowledge(
        *(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason) for rule in rules)
    )


def logical_id(construct: IConstruct) -> str:
    """The name of the construct's resource in the template; cdk-nag prints ``<name.Arn>`` where a policy refers to it."""
    resource = construct.node.default_child
    assert isinstance(resource, CfnElement)
    return Stack.of(construct).get_logical_id(resource)
