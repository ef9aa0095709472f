"""A function in a VPC reaches the emulator, and PostgreSQL if the security groups allow it, and nothing else."""

from __future__ import annotations

import json
import socket
from typing import Any

import boto3

from local.aws import ClientSettings
from local.config import Config

SOURCE = """
import socket

def handler(event, context):
    found = {}
    for name, port in event.items():
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            found[name] = "connected"
        except OSError as error:
            found[name] = type(error).__name__
    return found
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def ref(name: str, attribute: str = "GroupId") -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def template(rules: tuple[str, ...]) -> str:
    """A function and a database in a VPC; the rules allow the connection on the side of their names."""

    def group(description: str) -> dict[str, Any]:
        nothing = {"IpProtocol": "icmp", "FromPort": 252, "ToPort": 86, "CidrIp": "255.255.255.255/32"}
        return {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": description,
                "VpcId": {"Ref": "Vpc"},
                "SecurityGroupEgress": [nothing],
            },
        }

    port = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}
    out = {"GroupId": ref("Caller"), "DestinationSecurityGroupId": ref("Called")}
    into = {"GroupId": ref("Called"), "SourceSecurityGroupId": ref("Caller")}
    resources: dict[str, Any] = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.9.0.0/24"},
        },
        "Caller": group("functions"),
        "Called": group("database"),
        "SecurityGroupEgress": {"Type": "AWS::EC2::SecurityGroupEgress", "Properties": port | out},
        "SecurityGroupIngress": {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": port | into},
        "Db": {
            "Type": "AWS::RDS::DBInstance",
            "Properties": {
                "Engine": "postgres",
                "DBInstanceClass": "db.t4g.micro",
                "AllocatedStorage": "20",
                "DBName": "networked",
                "MasterUsername": "networked",
                "MasterUserPassword": "networked",
                "VPCSecurityGroups": [ref("Called")],
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": TRUST,
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"],
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "networked",
                "Runtime": "python3.13",
                "Handler": "index.handler",
                "Role": ref("Role", "Arn"),
                "Code": {"ZipFile": SOURCE},
                # Each version of the template starts another process.
                "Environment": {"Variables": {"RULES": ",".join(rules)}},
                "VpcConfig": {"SecurityGroupIds": [ref("Caller")], "SubnetIds": [{"Ref": "Subnet"}]},
            },
        },
    }
    kept = {name: one for name, one in resources.items() if "SecurityGroup" not in name or name in rules}
    return json.dumps({"Resources": kept})


def test_function_in_a_vpc_reaches_the_database_only_by_rules_of_both_groups(
    aws: ClientSettings, cloud_config: Config
) -> None:
    stacks, functions = boto3.client("cloudformation", **aws), boto3.client("lambda", **aws)

    def reached(other: int) -> dict[str, str]:
        event = {"postgres": cloud_config.pg_port, "emulator": cloud_config.aws_port, "other": other}
        answer = functions.invoke(FunctionName="networked", Payload=json.dumps(event).encode())
        found: dict[str, str] = json.load(answer["Payload"])
        return found

    def deploy(*rules: str, change: Any) -> None:
        change(StackName="networked", TemplateBody=template(rules), Capabilities=["CAPABILITY_IAM"])
        status = stacks.describe_stacks(StackName="networked")["Stacks"][0]["StackStatus"]
        assert status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")

    refused = {"postgres": "TimeoutError", "emulator": "connected", "other": "TimeoutError"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        other = listener.getsockname()[1]
        try:
            deploy("SecurityGroupEgress", "SecurityGroupIngress", change=stacks.create_stack)
            assert reached(other) == refused | {"postgres": "connected"}
            for rules in (["SecurityGroupEgress"], ["SecurityGroupIngress"], []):
                deploy(*rules, change=stacks.update_stack)
                assert reached(other) == refused, rules
        finally:
            stacks.delete_stack(StackName="networked")
