"""The operations capability: backups, restores and exports over HTTP."""

from __future__ import annotations

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from dataforge.defaults import API_SECONDS
from infra.foundation.acknowledge import acknowledge
from infra.foundation.foundation import Foundation
from infra.foundation.functions import LARGE, Function
from infra.workflow.machine import machine_name

# The limit of API Gateway.
TIMEOUT = Duration.seconds(API_SECONDS)


class Operations(Construct):
    """One function outside the VPC, which calls Step Functions, lists backups, and signs URLs of exports.

    ``audit``: the function that records its requests. It refers to the names of the state machines, as the machines'
    roles do for executions.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        foundation: Foundation,
        audit: Function,
    ) -> None:
        super().__init__(scope, id)
        self._names = {
            kind: machine_name(foundation.settings, kind) for kind in ("backup", "restore", "export")
        }
        self.function = Function(
            self,
            "Operations",
            settings=foundation.settings,
            handler="operations.handler",
            description="HTTP API: backups, restores and exports",
            layers=[foundation.layers.common, foundation.layers.deps],
            environment={
                "BACKUP_ARN": self._machine("backup"),
                "RESTORE_ARN": self._machine("restore"),
                "EXPORT_ARN": self._machine("export"),
                "AUDIT_FUNCTION": audit.function_name,
                "BACKUP_BUCKET": foundation.storage.backup.bucket_name,
                "MANIFEST_SIGNER": foundation.keys.manifests.key_arn,
                "VERIFICATION_SIGNER": foundation.keys.verifications.key_arn,
                "REPORT_BUCKET": foundation.storage.report.bucket_name,
                "EXPORT_CONCURRENCY": str(foundation.settings.export_concurrency),
                "RESTORE_API": str(foundation.settings.restore_api).lower(),
            },
            timeout=TIMEOUT,
            memory_size=LARGE,
        )
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[audit.function_arn])
        )

    def _machine(self, kind: str) -> str:
        return self._arn("stateMachine", self._names[kind])

    def _arn(self, resource: str, name: str) -> str:
        return Stack.of(self).format_arn(
            service="states",
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def allow_start(self, *kinds: str) -> None:
        """Start these state machines, and list and describe the executions of all three."""
        executions = [self._arn("execution", f"{name}:*") for name in self._names.values()]
        for actions, resources in (
            (["states:StartExecution"], [self._machine(kind) for kind in kinds]),
            (["states:ListExecutions"], [self._machine(kind) for kind in self._names]),
            (["states:DescribeExecution"], executions),
        ):
            self.function.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=resources))
        assert self.function.role is not None  # every function here has its own
        prefix = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:"
        acknowledge(
            self.function.role,
            "An execution's name is not known before it starts; all of these are executions of these machines.",
            *(f"IAM5[Resource::{prefix}{name}:*]" for name in self._names.values()),
        )
