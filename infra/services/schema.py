"""The schema capability: create and evolve tables and roles at deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aws_cdk import CustomResource, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from dataforge.postgres.ddl import fingerprint
from infra.foundation.foundation import Foundation
from infra.foundation.functions import MEDIUM, SMALL, Function
from infra.services.upkeep import Upkeep
from infra.settings import Settings

APPLY_TIMEOUT = Duration.minutes(12)
DEPLOYER_TIMEOUT = Duration.minutes(14)


class Schema(Construct):
    """Functions, the custom resource that invokes them when the catalogue changes, and the upkeep of large tables.

    ``SchemaKeeper`` runs outside the VPC, where it can read secrets, and passes them to ``SchemaApply`` inside, which can
    reach PostgreSQL. So no Secrets Manager endpoint is needed. A refusal fails the deployment with its reason.
    It responds to CloudFormation directly: CDK's provider framework would add a Node.js function without benefit.
    """

    def __init__(self, scope: Construct, id: str, *, foundation: Foundation) -> None:
        super().__init__(scope, id)
        self._layers = [foundation.layers.common, foundation.layers.deps]
        self.apply = self._make_apply(foundation)
        self.upkeep = Upkeep(
            self,
            "Upkeep",
            foundation=foundation,
            apply=self.apply,
            apply_timeout=APPLY_TIMEOUT,
        )
        self.deployer = self._make_deployer(foundation)
        self._properties = {
            "Fingerprint": fingerprint(),
            "Host": foundation.database.address.host,
            "Name": foundation.database.address.name,
            "Auth": foundation.settings.auth,
            # Connection limits depend on these values and on the limit of the instance class.
            "InstanceClass": foundation.settings.instance_class,
            **_budget(foundation.settings),
        }
        self.resource = self._make_resource(
            "Resource",
            "Schema",
            self._properties | ({"Plan": foundation.settings.plan} if foundation.settings.plan else {}),
        )
        # The database, the rules of both security groups, the permission to invoke and the asynchronous configuration are
        # not referenced by a property.
        assert self.deployer.role is not None
        self.resource.node.add_dependency(
            foundation.database, foundation.network.functions, self.apply, self.deployer, self.deployer.role
        )

    def _make_resource(self, id: str, kind: str, properties: Mapping[str, str]) -> CustomResource:
        return CustomResource(
            self,
            id,
            resource_type=f"Custom::DataForge{kind}",
            service_token=self.deployer.function_arn,
            # If the function is killed, CloudFormation would otherwise wait for an hour.
            service_timeout=Duration.minutes(15),
            properties=dict(properties),
        )

    def withdraw_after(self, *functions: Function) -> None:
        """After the functions are updated, withdraw the rights that only those of an earlier version need."""
        resource = self._make_resource("Rights", "Rights", self._properties | {"Contract": "true"})
        resource.node.add_dependency(self.resource, self.deployer, *functions)

    def _make_apply(self, foundation: Foundation) -> Function:
        return Function(
            self,
            "SchemaApply",
            settings=foundation.settings,
            handler="schema.apply",
            description="Creates and evolves tables and roles, by additive changes only",
            layers=self._layers,
            environment={**foundation.database.environment(), **_budget(foundation.settings)},
            timeout=APPLY_TIMEOUT,
            memory_size=MEDIUM,
            network=foundation.network,
        )

    def _make_deployer(self, foundation: Foundation) -> Function:
        database = foundation.database
        secrets = {role: secret.secret_arn for role, secret in database.role_secrets.items()}
        deployer = Function(
            self,
            "SchemaKeeper",
            settings=foundation.settings,
            handler="schema.on_event",
            description="Custom resource of the schema: reads the secrets and invokes SchemaApply",
            layers=self._layers,
            environment={
                "MASTER_SECRET_ARN": database.master_secret.secret_arn,
                "APPLY_FUNCTION": self.apply.function_name,
                "APPLY_SECONDS": str(APPLY_TIMEOUT.to_seconds()),
                "ROLE_SECRETS": json.dumps(secrets),
                "REPORT_BUCKET": foundation.storage.report.bucket_name,
                "UPKEEP_ARN": self.upkeep.machine.state_machine_arn,
            },
            timeout=DEPLOYER_TIMEOUT,
            memory_size=SMALL,
        )
        # CloudFormation invokes it asynchronously. By default Lambda would retry a failed call twice.
        deployer.configure_async_invoke(retry_attempts=0)
        deployer.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self.apply.function_arn])
        )
        self.upkeep.machine.grant_start_execution(deployer)
        # Whether a rollback is in progress, in which the step must not fail.
        deployer.add_to_role_policy(
            iam.PolicyStatement(
                actions=["cloudformation:DescribeStacks"], resources=[Stack.of(self).stack_id]
            )
        )
        return deployer

    def precede(self, function: Function) -> None:
        """Update the schema before the function. Old code works with a new schema, because changes are additive."""
        function.node.add_dependency(self.resource)


def _budget(settings: Settings) -> dict[str, str]:
    budget = {
        "LOAD_CONCURRENCY": settings.load_concurrency,
        "BACKUP_CONCURRENCY": settings.backup_concurrency,
        "EXPORT_CONCURRENCY": settings.export_concurrency,
        "MAX_CONNECTIONS": settings.max_connections or 0,
        "AUDIT_DAYS": settings.audit_days,
    }
    return {name: str(value) for name, value in budget.items()}
