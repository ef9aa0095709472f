"""Retention of resources when their stack is deleted."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import CfnResource, RemovalPolicy
from constructs import IConstruct

KEPT = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
"""Retain on deletion of the stack, but not on rollback of its creation, which would block the next creation."""


def retain(construct: IConstruct, types: Iterable[str] = ()) -> None:
    """Retain the resources of ``construct``, or only those of the types."""
    wanted = set(types)
    for child in construct.node.find_all():
        if isinstance(child, CfnResource) and (not wanted or child.cfn_resource_type in wanted):
            child.apply_removal_policy(KEPT)
