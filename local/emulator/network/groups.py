"""Store the rules of security groups that are separate resources of a template, and evaluate them for a connection.

The emulator stores only the rules inside a group.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import cloudformation, ec2
from ministack.services.cloudformation import provisioners

from local.emulator.anchors import require
from local.emulator.network.rules import Rule, Side, allowed

STORED = {
    "AWS::EC2::SecurityGroupIngress": "IpPermissions",
    "AWS::EC2::SecurityGroupEgress": "IpPermissionsEgress",
}
PORT = 5432
"""The port of RDS, which templates name; the embedded PostgreSQL listens on another."""

Config = dict[str, Any]


def apply() -> None:
    """Store a rule in its group."""
    require("network.groups", provisioners, "_RESOURCE_HANDLERS", "_ec2_sg_permissions")
    require("network.groups", ec2, "_security_groups", "_subnets")
    require("network.groups", cloudformation, "_stacks")
    for kind in STORED:
        provisioners._RESOURCE_HANDLERS[kind] = _handlers(kind)


def reaches(function: Config, instance: dict[str, Any]) -> bool:
    """Whether a function in a VPC may connect to a database instance."""
    of_function = function["VpcConfig"]
    source = Side(frozenset(of_function["SecurityGroupIds"]), _blocks(of_function["SubnetIds"]))
    subnets = [one["SubnetIdentifier"] for one in instance["DBSubnetGroup"]["Subnets"]]
    groups = frozenset(one["VpcSecurityGroupId"] for one in instance["VpcSecurityGroups"])
    target = Side(groups, _blocks(subnets))
    egress = _rules(source.groups, "AWS::EC2::SecurityGroupEgress")
    return allowed(egress, _rules(groups, "AWS::EC2::SecurityGroupIngress"), source, target, PORT)


def _blocks(subnets: Iterable[str]) -> frozenset[str]:
    return frozenset(ec2._subnets[name]["CidrBlock"] for name in subnets if name in ec2._subnets)


def _rules(groups: Collection[str], kind: str) -> Iterator[Rule]:
    for group in groups:
        yield from ec2._security_groups.get(group, {}).get(STORED[kind], ())
    # Earlier versions stored the rules of these resources in their stacks only.
    for stack in list(cloudformation._stacks.values()):
        for resource in stack.get("_resources", {}).values():
            properties = resource.get("Properties") or {}
            if resource.get("ResourceType") == kind and properties.get("GroupId") in groups:
                yield from provisioners._ec2_sg_permissions([properties])


def _handlers(kind: str) -> dict[str, Any]:
    def create(_logical_id: str, properties: Config, _stack: str) -> tuple[str, dict[str, str]]:
        _of(properties, kind).extend(provisioners._ec2_sg_permissions([properties]))
        return _attributes(f"sgr-{new_uuid().replace('-', '')[:17]}")

    def update(
        identifier: str, old: Config, new: Config, _stack: str, *_: Any, **__: Any
    ) -> tuple[str, dict[str, str]]:
        delete(identifier, old)
        _of(new, kind).extend(provisioners._ec2_sg_permissions([new]))
        return _attributes(identifier)

    def delete(_identifier: str, properties: Config) -> None:
        stored, gone = _of(properties, kind), provisioners._ec2_sg_permissions([properties])
        stored[:] = [rule for rule in stored if rule not in gone]

    return {"create": create, "update": update, "delete": delete}


def _of(properties: Config, kind: str) -> list[Rule]:
    group = ec2._security_groups.get(properties["GroupId"], {})
    rules: list[Rule] = group.setdefault(STORED[kind], [])
    return rules


def _attributes(identifier: str) -> tuple[str, dict[str, str]]:
    return identifier, {"Id": identifier}
