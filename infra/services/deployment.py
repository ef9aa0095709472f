"""Custom resources that inspect the database before the stack's changes and protect it afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from aws_cdk import ArnFormat, CustomResource, Duration, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from dataforge.aws.metric_names import NAMESPACE
from infra.foundation.acknowledge import acknowledge
from infra.foundation.functions import SMALL, Function
from infra.foundation.layers import Layers
from infra.foundation.wheels import ROOT
from infra.settings import Settings

TIMEOUT = Duration.minutes(14)
EXPORTED_LOGS = ("postgresql", "upgrade")


class Deployment(Construct):
    """One function outside the VPC, and its custom resources.

    ``instance`` precedes the database: it removes the log groups of an earlier database of this name, and
    returns the class of an existing database. ``protect`` follows all other resources.
    """

    def __init__(self, scope: Construct, id: str, *, settings: Settings, layers: Layers) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self.function = Function(
            self,
            "DeploymentGuard",
            settings=settings,
            handler="deployment.on_event",
            description="Custom resources: leftover log groups, the instance's class, deletion protection, Object Lock",
            layers=[layers.common, layers.deps],
            environment={},
            timeout=TIMEOUT,
            memory_size=SMALL,
        )
        # CloudFormation invokes it asynchronously. By default Lambda would retry a failed call twice.
        self.function.configure_async_invoke(retry_attempts=0)
        self.instance = None if settings.existing_database else self._look()

    def _look(self) -> CustomResource:
        name, groups = self._settings.instance_name, instance_log_groups(self._settings)
        self._allow(["rds:DescribeDBInstances"], self._arn("rds", "db", name))
        self._allow(["cloudformation:DescribeStacks"], Stack.of(self).stack_id)
        self._allow(
            ["logs:DeleteLogGroup"], *(self._arn("logs", "log-group", f"{group}:*") for group in groups)
        )
        for group in groups:
            arn = f"arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:{group}:*"
            self._acknowledge(
                "The ARN of a log group ends with an asterisk; it matches this group only.", arn
            )
        return self._resource(
            "Instance",
            "Custom::DataForgeInstance",
            {
                "Instance": name,
                "LogGroups": groups,
                "DefaultClass": self._settings.instance_class,
                # A change updates the resource, so that a class that was set once is retained.
                "Keep": str(self._settings.keep_instance_class),
            },
        )

    @property
    def instance_class(self) -> str:
        """The class of the existing instance, without ``db.``, or the setting."""
        assert self.instance is not None
        return Token.as_string(self.instance.get_att("InstanceClass"))

    def watch_backups(self, datasets: Sequence[str]) -> CustomResource:
        """Count a first verified backup for each newly scheduled dataset.

        Otherwise the alarm on overdue backups would be raised before the first backup.
        """
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
            )
        )
        self._acknowledge("PutMetricData has no resource; the namespace is limited to the app's.", "*")
        return self._resource("BackupWatch", "Custom::DataForgeBackupWatch", {"Datasets": [*datasets]})

    def lock_backups(self, bucket: s3.IBucket) -> CustomResource:
        """Lock the backups of a new stack as long as backups are retained; ``State`` is that of the bucket's Object Lock."""
        self._allow(["cloudformation:DescribeStacks"], Stack.of(self).stack_id)
        self._allow(
            ["s3:GetBucketObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration"], bucket.bucket_arn
        )
        properties = {"Bucket": bucket.bucket_name, "Days": str(self._settings.backup_keep_days)}
        return self._resource("BackupLock", "Custom::DataForgeBackupLock", properties)

    def protect(self, *after: IConstruct) -> None:
        """Protect database and stack against deletion after the constructs ``after`` are created."""
        stack = Stack.of(self)
        properties = {"Release": _release(self._settings)}
        if self.instance:
            properties["Instance"] = self._settings.instance_name
            self._allow(["rds:ModifyDBInstance"], self._arn("rds", "db", self._settings.instance_name))
        self._allow(
            ["cloudformation:DescribeStacks", "cloudformation:UpdateTerminationProtection"], stack.stack_id
        )
        self._resource("Protection", "Custom::DataForgeProtection", properties).node.add_dependency(*after)

    def _resource(self, id: str, kind: str, properties: Mapping[str, object]) -> CustomResource:
        made = CustomResource(
            self,
            id,
            resource_type=kind,
            service_token=self.function.function_arn,
            service_timeout=Duration.minutes(15),
            properties=properties,
        )
        # The permissions and the asynchronous configuration are not referenced by a property.
        assert self.function.role is not None
        made.node.add_dependency(self.function, self.function.role)
        return made

    def _allow(self, actions: list[str], *resources: str) -> None:
        self.function.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=list(resources)))

    def _acknowledge(self, reason: str, resource: str) -> None:
        assert self.function.role is not None
        acknowledge(self.function.role, reason, f"IAM5[Resource::{resource}]")

    def _arn(self, service: str, kind: str, name: str) -> str:
        return Stack.of(self).format_arn(
            service=service, resource=kind, resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )


def instance_log_groups(settings: Settings) -> list[str]:
    """Return RDS's names of the instance's log groups."""
    return [f"/aws/rds/instance/{settings.instance_name}/{log}" for log in EXPORTED_LOGS]


def _release(settings: Settings) -> str:
    """Return a hash of code and settings, so that each deployment with changes protects again."""
    digest = hashlib.sha256(settings.model_dump_json().encode())
    for folder in ("infra", "functions", "layers/common/python"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
