"""The policies of a deployed stack, by the construct to which they belong."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3

from local.iam.calls import Call, Document, Policies
from local.permissions.recorded import Recorded

HASH = re.compile(r"[0-9A-F]{8}$")


@dataclass(frozen=True)
class Deployed:
    """All policies of a stack."""

    identity: Mapping[str, Mapping[str, Document]]
    """Role name to the names of its policies and their content."""
    resource: Mapping[str, Document]
    """ARN of a resource, of a role for its trust policy, to its policy."""
    endpoints: Mapping[str, Document]
    """Id of a VPC endpoint to its policy."""
    names: Mapping[str, str]
    """Role name, ARN, or id to the construct, such as ``MigrationMachineRole``."""

    def of(self, call: Call) -> Policies:
        """The policies that apply to a recorded call."""
        service = call.action.partition(":")[0]
        endpoint = call.context.get("aws:sourcevpce")
        return Policies(
            identity=tuple(self.identity.get(call.principal.role, {}).values()),
            resource=self.resource.get(resource_of(call)),
            endpoint=self.endpoints.get(str(endpoint)) if endpoint else None,
            resource_must_allow=service in ("kms", "sts"),
        )

    def covers(self, call: Call) -> bool:
        """Whether a role of the stack made the call, or a service to a resource of the stack."""
        return call.principal.role in self.identity or (
            call.principal.is_service and resource_of(call) in self.resource
        )

    def without(self, place: "Place", document: Document) -> "Deployed":
        """The policies with another document in a place."""
        if place.kind == "identity":
            others = {**self.identity[place.owner], place.name: document}
            return replace(self, identity={**self.identity, place.owner: others})
        changed = {**getattr(self, place.kind), place.owner: document}
        return replace(self, **{place.kind: changed})

    def places(self) -> Iterator[tuple["Place", Document]]:
        """All documents with their places."""
        for role, documents in self.identity.items():
            for name, document in documents.items():
                yield Place("identity", role, name), document
        for kind in ("resource", "endpoints"):
            for owner, document in getattr(self, kind).items():
                yield Place(kind, owner, ""), document


@dataclass(frozen=True)
class Place:
    """Where a document is: an attribute of ``Deployed``, the owner, and the name of a role's policy."""

    kind: str
    owner: str
    name: str


def resource_of(call: Call) -> str:
    """The ARN under which the policy of a call's resource is stored."""
    if call.action.startswith("s3:"):
        return call.resource.split("/")[0]
    if call.action.startswith("lambda:"):
        return ":".join(call.resource.split(":")[:7])
    return call.resource


def concerned(deployed: Deployed, calls: Sequence[Recorded]) -> dict[int, list[Recorded]]:
    """The calls that each document concerns, by its ``id()``."""
    found: dict[int, list[Recorded]] = {}
    for one in calls:
        policies = deployed.of(one.call)
        for document in (*policies.identity, policies.resource, policies.endpoint):
            found.setdefault(id(document), []).append(one)
    return found


def read(file: Path) -> Deployed:
    """The policies in a file that ``write`` has written."""
    return Deployed(**json.loads(file.read_text()))


def write(deployed: Deployed, file: Path) -> None:
    """Write the policies as JSON."""
    file.write_text(json.dumps(dataclasses.asdict(deployed)))


def collect(stack: str, settings: Mapping[str, Any]) -> Deployed:
    """Read the policies of a stack; ``settings`` are arguments of ``boto3.client``."""
    reader = _Reader(stack, settings)
    roles = reader.physical("AWS::IAM::Role")
    return Deployed(
        identity={role: reader.role_policies(role) for role in roles},
        resource=reader.resource_policies(roles),
        endpoints=reader.endpoint_policies(),
        names=reader.names,
    )


class _Reader:
    def __init__(self, stack: str, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        pages = self._client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        self._resources = [one for page in pages for one in page["StackResourceSummaries"]]
        self.names: dict[str, str] = {}

    def _client(self, service: str) -> Any:
        create: Any = boto3.client
        return create(service, **self._settings)

    def physical(self, kind: str) -> list[str]:
        """The physical ids of the resources of a type."""
        found = [one for one in self._resources if one["ResourceType"] == kind]
        for one in found:
            self.names[one["PhysicalResourceId"]] = HASH.sub("", one["LogicalResourceId"])
        return [one["PhysicalResourceId"] for one in found]

    def role_policies(self, role: str) -> dict[str, Document]:
        iam = self._client("iam")
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        return {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}

    def endpoint_policies(self) -> dict[str, Document]:
        ids = self.physical("AWS::EC2::VPCEndpoint")
        found = self._client("ec2").describe_vpc_endpoints(VpcEndpointIds=ids)["VpcEndpoints"] if ids else []
        return {
            one["VpcEndpointId"]: json.loads(one["PolicyDocument"])
            for one in found
            if one.get("PolicyDocument")
        }

    def resource_policies(self, roles: list[str]) -> dict[str, Document]:
        readers: tuple[Callable[[str], tuple[str, Document | str]], ...] = (
            self._of_role,
            self._of_bucket,
            self._of_function,
            self._of_topic,
            self._of_queue,
            self._of_key,
        )
        kinds = ("S3::Bucket", "Lambda::Function", "SNS::Topic", "SQS::Queue", "KMS::Key")
        owners = [roles, *(self.physical(f"AWS::{kind}") for kind in kinds)]
        found: dict[str, Document] = {}
        for read, ids in zip(readers, owners, strict=True):
            for physical in ids:
                arn, policy = read(physical)
                if policy:
                    self.names[arn] = self.names[physical]
                    found[arn] = json.loads(policy) if isinstance(policy, str) else policy
        return found

    def _of_role(self, name: str) -> tuple[str, Document]:
        role = self._client("iam").get_role(RoleName=name)["Role"]
        return role["Arn"], role["AssumeRolePolicyDocument"]

    def _of_bucket(self, name: str) -> tuple[str, str]:
        return f"arn:aws:s3:::{name}", self._client("s3").get_bucket_policy(Bucket=name)["Policy"]

    def _of_function(self, name: str) -> tuple[str, str]:
        client = self._client("lambda")
        arn = client.get_function_configuration(FunctionName=name)["FunctionArn"]
        try:
            return arn, client.get_policy(FunctionName=name)["Policy"]
        except client.exceptions.ResourceNotFoundException:
            return arn, ""

    def _of_topic(self, arn: str) -> tuple[str, str]:
        return arn, self._client("sns").get_topic_attributes(TopicArn=arn)["Attributes"].get("Policy", "")

    def _of_queue(self, url: str) -> tuple[str, str]:
        client = self._client("sqs")
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "Policy"])["Attributes"]
        return found["QueueArn"], found.get("Policy", "")

    def _of_key(self, key: str) -> tuple[str, str]:
        client = self._client("kms")
        arn = client.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
        return arn, client.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
