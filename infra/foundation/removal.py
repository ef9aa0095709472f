"""What outlives the stack, together with everything that it needs to be used."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import CfnResource, RemovalPolicy
from constructs import IConstruct

KEPT = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
"""Kept when its stack is deleted, but not when the creation of its stack is rolled back: that would block the next one."""


def retain(construct: IConstruct, types: Iterable[str] = ()) -> None:
    """Retain the resources of ``construct``: all, or those of these types."""
    wanted = set(types)
    for child in construct.node.find_all():
        if isinstance(child, CfnResource) and (not wanted or child.cfn_resource_type in wanted):
            child.apply_removal_policy(KEPT)
