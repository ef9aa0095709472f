"""Acknowledgement of findings of cdk-nag, beside the resource."""

from __future__ import annotations

from aws_cdk import Acknowledgment, CfnElement, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reason: str, *rules: str) -> None:
    """Accept the findings ``rules`` on ``construct`` and its children, with a reason.

    A rule is named as cdk-nag prints it without its pack: ``RDS3``, ``IAM5[Resource::*]``.
    """
    Validations.of(construct).acknowledge(
        *(Acknowledgment(id=f"AwsSolutions-{rule}", reason=reason) for rule in rules)
    )


def logical_id(construct: IConstruct) -> str:
    """Return the logical id of the construct's resource. cdk-nag prints ``<id.Arn>`` for a reference to it in a policy."""
    resource = construct.node.default_child
    assert isinstance(resource, CfnElement)
    return Stack.of(construct).get_logical_id(resource)
