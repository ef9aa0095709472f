"""The bastion: created only with the setting, and reachable only through IAM."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.settings import SettingsError, read_settings

Resources = dict[str, dict[str, dict[str, Any]]]
OFF = {"AWS::EC2::Instance", "AWS::EC2::InstanceConnectEndpoint", "AWS::IAM::ManagedPolicy"}


@pytest.fixture(scope="module")
def template(synthesize: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return synthesize(bastion=True)


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {k: r["Properties"] for k, r in template["Resources"].items() if r["Type"] == kind}


def test_template_has_no_bastion_without_the_setting(dev: Resources, prod: Resources) -> None:
    for resources in (dev, prod):
        assert not OFF & resources.keys()
        assert "Bastion" not in json.dumps(resources)


def test_setting_adds_the_bastion_and_changes_nothing_else(
    template: dict[str, Any], templates: dict[str, dict[str, Any]]
) -> None:
    dev = templates["dev"]
    assert {name: template["Outputs"].get(name) for name in dev["Outputs"]} == dev["Outputs"]
    # Only the order changes: the schema is applied after all resources of the database.
    found = {name: {**template["Resources"][name], "DependsOn": None} for name in dev["Resources"]}
    assert found == {name: {**resource, "DependsOn": None} for name, resource in dev["Resources"].items()}
    added = template["Resources"].keys() - templates["dev"]["Resources"].keys()
    assert all("Bastion" in name for name in added)


def test_instance_has_no_public_address_and_no_key_and_an_encrypted_disk(template: dict[str, Any]) -> None:
    (instance,) = of_type(template, "AWS::EC2::Instance").values()
    subnets = of_type(template, "AWS::EC2::Subnet")
    assert subnets[instance["SubnetId"]["Ref"]]["MapPublicIpOnLaunch"] is False
    assert not {"KeyName", "NetworkInterfaces"} & instance.keys()
    assert instance["InstanceType"] == "t4g.nano"
    assert instance["InstanceInitiatedShutdownBehavior"] == "stop"
    (disk,) = instance["BlockDeviceMappings"]
    assert disk["Ebs"]["Encrypted"] is True
    assert "systemctl poweroff" in json.dumps(instance["UserData"])
    requires_tokens = [
        t["LaunchTemplateData"]["MetadataOptions"]
        for t in of_type(template, "AWS::EC2::LaunchTemplate").values()
    ]
    assert (
        requires_tokens == [{"HttpTokens": "required"}]
        or instance["MetadataOptions"]["HttpTokens"] == "required"
    )


def test_role_of_the_instance_has_no_permissions(template: dict[str, Any]) -> None:
    (role,) = [r for name, r in of_type(template, "AWS::IAM::Role").items() if name.startswith("Bastion")]
    assert not {"ManagedPolicyArns", "Policies"} & role.keys()
    assert not [name for name in of_type(template, "AWS::IAM::Policy") if name.startswith("Bastion")]


def test_instance_accepts_only_ssh_from_the_endpoint_and_connects_only_to_postgresql(
    template: dict[str, Any],
) -> None:
    groups = {
        n: g for n, g in of_type(template, "AWS::EC2::SecurityGroup").items() if n.startswith("Bastion")
    }
    assert len(groups) == 2
    for group in groups.values():
        assert "SecurityGroupIngress" not in group
        # Without a rule, EC2 would allow all outgoing traffic.
        assert [rule["CidrIp"] for rule in group["SecurityGroupEgress"]] == ["127.0.0.1/32"]

    def rules(kind: str) -> set[tuple[str, int]]:
        found = of_type(template, f"AWS::EC2::SecurityGroup{kind}")
        assert not [r for r in found.values() if {"CidrIp", "CidrIpv6"} & r.keys()]
        return {
            (rule["GroupId"]["Fn::GetAtt"][0][:15], rule["FromPort"])
            for name, rule in found.items()
            if "Bastion" in name
        }

    assert {port for _, port in rules("Ingress")} == {22, 5432}
    assert {port for _, port in rules("Egress")} == {22, 5432}


def test_policy_permits_tunnels_of_an_hour_and_logins_as_analyst_only(
    template: dict[str, Any],
) -> None:
    (policy,) = of_type(template, "AWS::IAM::ManagedPolicy").values()
    assert not {"Roles", "Users", "Groups"} & policy.keys()
    statements = {
        action: statement
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert statements.keys() == {
        "ec2:StartInstances",
        "ec2:StopInstances",
        "ec2-instance-connect:SendSSHPublicKey",
        "ec2-instance-connect:OpenTunnel",
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceConnectEndpoints",
        "cloudformation:DescribeStacks",
        "rds-db:connect",
    }
    tunnel = statements["ec2-instance-connect:OpenTunnel"]
    assert tunnel["Condition"]["NumericEquals"] == {"ec2-instance-connect:remotePort": "22"}
    assert tunnel["Condition"]["NumericLessThanEquals"] == {"ec2-instance-connect:maxTunnelDuration": "3600"}
    assert statements["ec2-instance-connect:SendSSHPublicKey"]["Condition"] == {
        "StringEquals": {"ec2:osuser": "ec2-user"}
    }
    assert json.dumps(statements["rds-db:connect"]["Resource"]).endswith('/dataforge_analyst"]]}')
    # IAM compares a request that has the stack's name with stack/<name>/*, not with the stack's id.
    by_name = statements["cloudformation:DescribeStacks"]["Resource"]
    assert json.dumps(by_name).endswith(':stack/DataForge-dev/*"]]}')
    wide = {action for action, statement in statements.items() if statement["Resource"] == "*"}
    assert wide == {"ec2:DescribeInstances", "ec2:DescribeInstanceConnectEndpoints"}


def test_existing_database_has_no_bastion(existing_database: dict[str, Any]) -> None:
    for context in ({"existingDatabase": existing_database}, {"target": "local"}):
        with pytest.raises(SettingsError, match="bastion is for the database that the app creates"):
            read_settings({"bastion": True, **context})
