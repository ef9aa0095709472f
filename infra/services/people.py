"""The roles of users of the command line: an operator and a viewer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aws_cdk import ArnFormat, CfnOutput, Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct

from dataforge.s3 import keys
from infra.foundation.acknowledge import acknowledge
from infra.foundation.functions import Function
from infra.foundation.signing import SigningKeys
from infra.foundation.storage import Bucket, Storage
from infra.settings import Settings
from infra.workflow.machine import machine_name

STARTED = ("migration", "backup", "restore")
WATCHED = (*STARTED, "export", "upkeep")
BACKUPS = (keys.EVERY_MANIFEST, keys.EVERY_SIGNATURE, keys.EVERY_VERIFICATION)
REPORTS = (f"{keys.RUNS}*", f"{keys.PROGRESS}*")


class People(Construct):
    """Two roles for users of this account who may assume them, as the trust policies leave to the account's own policies.

    The viewer watches runs and reads reports and manifests: names, counts and codes, no records. The operator also starts
    and stops runs, uploads files, replays rejections, manages keys, and invokes the schema function.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        storage: Storage,
        signing: SigningKeys,
        schema: Function,
        plans: list[apigateway.UsagePlan],
    ) -> None:
        super().__init__(scope, id)
        self._settings, self._storage = settings, storage
        self.viewer = self._role("Viewer", "Watch the runs of Data Forge and read their reports")
        self.operator = self._role(
            "Operator", "Run migrations, backups and restores of Data Forge, manage keys"
        )
        for role in (self.viewer, self.operator):
            self._allow_watching(role)
            self._allow(role, ["kms:VerifyMac"], signing.manifests.key_arn, signing.verifications.key_arn)
        self._allow_runs(self.operator)
        self._allow_files(self.operator)
        self._allow(self.operator, ["lambda:InvokeFunction"], schema.function_arn)
        self._allow_keys(self.operator, plans)

    def _role(self, name: str, description: str) -> iam.Role:
        role = iam.Role(self, name, assumed_by=iam.AccountRootPrincipal(), description=description)
        CfnOutput(Stack.of(self), f"{name}RoleArn", value=role.role_arn)
        return role

    def _allow_watching(self, role: iam.Role) -> None:
        stack = Stack.of(self)
        # The command line uses the stack's name, which IAM compares as stack/<name>/*.
        self._allow(
            role,
            ["cloudformation:DescribeStacks"],
            self._arn("cloudformation", f"stack/{stack.stack_name}/*"),
        )
        self._allow(
            role, ["states:ListExecutions"], *self._machines(WATCHED), *self._of_machines("mapRun", "/*:*")
        )
        self._allow(
            role,
            ["states:DescribeExecution", "states:GetExecutionHistory", "states:ListMapRuns"],
            *self._of_machines("execution", ":*"),
        )
        # Of the items of Distributed Maps, whose failed attempts are the reason why a run waits.
        self._allow(role, ["states:GetExecutionHistory"], *self._of_machines("execution", "/*:*"))
        self._allow_read(role, self._storage.backup, *BACKUPS)
        self._allow_read(role, self._storage.report, *REPORTS)

    def _allow_runs(self, role: iam.Role) -> None:
        self._allow(role, ["states:StartExecution"], *self._machines(STARTED))
        self._allow(role, ["states:StopExecution"], *self._of_machines("execution", ":*"))

    def _allow_files(self, role: iam.Role) -> None:
        self._allow_read(role, self._storage.raw, "*")
        self._allow_read(role, self._storage.report, f"{keys.REJECTED}*")
        self._allow(
            role,
            ["s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"],
            self._storage.raw.arn_for_objects("*"),
        )

    def _allow_keys(self, role: iam.Role, plans: list[apigateway.UsagePlan]) -> None:
        # API Gateway has no resource for the keys of one plan; `/apikeys` are all keys of the account and region.
        every, own = (
            self._gateway("/apikeys"),
            [self._gateway(f"/usageplans/{plan.usage_plan_id}/keys") for plan in plans],
        )
        self._allow(role, ["apigateway:GET", "apigateway:POST"], every, *own)
        self._allow(role, ["apigateway:GET", "apigateway:DELETE"], f"{every}/*")

    def _allow_read(self, role: iam.Role, bucket: Bucket, *patterns: str) -> None:
        self._allow(role, ["s3:ListBucket"], bucket.bucket_arn)
        self._allow(role, ["s3:GetObject"], *(bucket.arn_for_objects(pattern) for pattern in patterns))

    def _allow(self, role: iam.Role, actions: list[str], *resources: str) -> None:
        role.add_to_policy(iam.PolicyStatement(actions=actions, resources=list(resources)))
        printed = (_printed(Stack.of(self).resolve(resource)) for resource in resources)
        acknowledge(
            role,
            "Names of executions, objects and API keys are not known before they exist; the rest of the ARN is exact.",
            *(f"IAM5[Resource::{arn}]" for arn in printed if "*" in arn),
        )

    def _machines(self, kinds: tuple[str, ...]) -> Iterator[str]:
        return (self._arn("states", f"stateMachine:{machine_name(self._settings, kind)}") for kind in kinds)

    def _of_machines(self, resource: str, rest: str) -> Iterator[str]:
        names = (machine_name(self._settings, kind) for kind in WATCHED)
        return (self._arn("states", f"{resource}:{name}{rest}") for name in names)

    def _arn(self, service: str, resource: str) -> str:
        return Stack.of(self).format_arn(
            service=service, resource=resource, arn_format=ArnFormat.NO_RESOURCE_NAME
        )

    def _gateway(self, path: str) -> str:
        stack = Stack.of(self)
        return f"arn:{stack.partition}:apigateway:{stack.region}::{path}"


def _printed(resource: Any) -> str:
    """A resource as cdk-nag prints it."""
    match resource:
        case {"Fn::Join": ["", list(parts)]}:
            return "".join(_printed(part) for part in parts)
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
        case {"Ref": str(name)}:
            return f"<{name}>"
    return str(resource)
