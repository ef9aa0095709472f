"""Routes, endpoints and security groups of the network."""

from __future__ import annotations

from typing import Any

Resources = dict[str, dict[str, dict[str, Any]]]


def test_network_has_no_route_to_the_internet(templates: dict[str, dict[str, Any]]) -> None:
    ways = {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::Route", "AWS::EC2::EIP"}
    for template in templates.values():
        assert not ways & {resource["Type"] for resource in template["Resources"].values()}


def test_no_subnet_assigns_public_addresses(dev: Resources) -> None:
    assert [s["Properties"]["MapPublicIpOnLaunch"] for s in dev["AWS::EC2::Subnet"].values()] == [
        False,
        False,
    ]


def test_only_endpoint_is_the_free_gateway_to_s3(dev: Resources) -> None:
    (endpoint,) = dev["AWS::EC2::VPCEndpoint"].values()
    assert endpoint["Properties"]["VpcEndpointType"] == "Gateway"
    assert endpoint["Properties"]["ServiceName"] == {
        "Fn::Join": ["", ["com.amazonaws.", {"Ref": "AWS::Region"}, ".s3"]]
    }


def test_only_functions_that_read_secrets_can_reach_the_endpoint_of_secrets_manager(
    by_secret: Resources,
) -> None:
    endpoints = {e["Properties"]["VpcEndpointType"]: e for e in by_secret["AWS::EC2::VPCEndpoint"].values()}
    assert set(endpoints) == {"Gateway", "Interface"}
    secrets = endpoints["Interface"]["Properties"]
    assert secrets["ServiceName"]["Fn::Join"][1][-1] == ".secretsmanager"
    assert secrets["PrivateDnsEnabled"] is True
    (rule,) = (r for key, r in by_secret["AWS::EC2::SecurityGroupIngress"].items() if "SecretsGroup" in key)
    assert (rule["Properties"]["FromPort"], rule["Properties"]["ToPort"]) == (443, 443)
    assert "NetworkFunctions" in rule["Properties"]["SourceSecurityGroupId"]["Fn::GetAtt"][0]


def test_endpoint_allows_only_the_stacks_buckets_in_its_account(dev: Resources) -> None:
    (endpoint,) = dev["AWS::EC2::VPCEndpoint"].values()
    (statement,) = endpoint["Properties"]["PolicyDocument"]["Statement"]
    own = {"Ref": "AWS::AccountId"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:PrincipalAccount": own, "aws:ResourceAccount": own}
    }
    assert "*" not in statement["Resource"]
    assert len(statement["Resource"]) == 6  # raw, backup, report: bucket and objects of each


def test_database_accepts_connections_from_functions_only(dev: Resources) -> None:
    (rule,) = dev["AWS::EC2::SecurityGroupIngress"].values()
    properties = rule["Properties"]
    assert (properties["FromPort"], properties["ToPort"], properties["IpProtocol"]) == (5432, 5432, "tcp")
    assert "NetworkFunctions" in properties["SourceSecurityGroupId"]["Fn::GetAtt"][0]
    assert "DatabaseGroup" in properties["GroupId"]["Fn::GetAtt"][0]
    inline = [g["Properties"].get("SecurityGroupIngress") for g in dev["AWS::EC2::SecurityGroup"].values()]
    assert inline == [None] * len(inline)


def test_functions_can_connect_only_to_s3_and_postgresql(dev: Resources) -> None:
    (group,) = (g for key, g in dev["AWS::EC2::SecurityGroup"].items() if key.startswith("NetworkFunctions"))
    (https,) = group["Properties"]["SecurityGroupEgress"]
    assert (https["FromPort"], https["ToPort"], https["IpProtocol"]) == (443, 443, "tcp")
    (postgres,) = dev["AWS::EC2::SecurityGroupEgress"].values()
    assert (postgres["Properties"]["FromPort"], postgres["Properties"]["ToPort"]) == (5432, 5432)
    assert "DatabaseGroup" in postgres["Properties"]["DestinationSecurityGroupId"]["Fn::GetAtt"][0]


def test_refused_connections_are_recorded(dev: Resources) -> None:
    (log,) = dev["AWS::EC2::FlowLog"].values()
    assert log["Properties"]["TrafficType"] == "REJECT"
    assert log["Properties"]["LogDestinationType"] == "s3"


def test_existing_network_is_used_unchanged(existing: Resources) -> None:
    made = {kind for kind in existing if kind.startswith("AWS::EC2::")}
    assert made == {
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::SecurityGroupEgress",
    }
    (group,) = existing["AWS::EC2::SecurityGroup"].values()
    assert group["Properties"]["VpcId"] == "vpc-0123456789abcdef0"
    (rule,) = existing["AWS::EC2::SecurityGroupIngress"].values()
    assert rule["Properties"]["GroupId"] == "sg-0123456789abcdef0"
    places = [
        f["Properties"].get("VpcConfig", {}).get("SubnetIds")
        for f in existing["AWS::Lambda::Function"].values()
    ]
    assert places.count(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]) == len(
        places
    ) - places.count(None)
