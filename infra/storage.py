"""The buckets: what came in, what was backed up, and what was reported."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.acknowledge import acknowledge, logical_id

INSTANT_ARCHIVE = s3.StorageClass.GLACIER_INSTANT_RETRIEVAL
INFREQUENT = s3.StorageClass.INFREQUENT_ACCESS


class Storage(Construct):
    """Four buckets: encrypted, TLS only, closed to the public, and cheaper with age.

    ``logs`` takes the access logs of the others. Only classes that answer at once are used: a restore must not wait for a thaw.
    """

    def __init__(self, scope: Construct, id: str, *, keep: bool) -> None:
        """``keep``: the buckets outlive their stack."""
        super().__init__(scope, id)
        self._removal = RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY
        self.logs = self._bucket("Logs", versioned=False, rules=[_expire_after(365)])
        self.raw = self._data_bucket("Raw", [_age(INFREQUENT, 30), _age(INSTANT_ARCHIVE, 120)])
        self.backup = self._data_bucket("Backup", [_age(INFREQUENT, 30), _age(INSTANT_ARCHIVE, 120)])
        self.report = self._data_bucket("Report", [_age(INFREQUENT, 90)], scratch=("runs/", "plans/"))

    @property
    def data(self) -> list[s3.Bucket]:
        """The buckets that functions use."""
        return [self.raw, self.backup, self.report]

    def _data_bucket(
        self, name: str, transitions: list[s3.Transition], scratch: tuple[str, ...] = ()
    ) -> s3.Bucket:
        rules = [
            s3.LifecycleRule(
                id="age",
                transitions=transitions,
                noncurrent_version_transitions=[
                    s3.NoncurrentVersionTransition(
                        storage_class=INSTANT_ARCHIVE, transition_after=Duration.days(30)
                    )
                ],
                noncurrent_version_expiration=Duration.days(365),
                abort_incomplete_multipart_upload_after=Duration.days(7),
                expired_object_delete_marker=True,
            )
        ]
        return self._bucket(
            name, versioned=True, rules=rules + [_expire_after(30, prefix) for prefix in scratch]
        )

    def _bucket(self, name: str, *, versioned: bool, rules: list[s3.LifecycleRule]) -> s3.Bucket:
        logged = name != "Logs"
        return s3.Bucket(
            self,
            name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=versioned,
            lifecycle_rules=rules,
            removal_policy=self._removal,
            server_access_logs_bucket=self.logs if logged else None,
            server_access_logs_prefix=f"{name.lower()}/" if logged else None,
        )


def grant_read(bucket: s3.Bucket, function: lambda_.Function) -> None:
    """List the bucket and read its objects; CDK's own ``grant_read`` also reads the bucket's configuration."""
    _allow(function, ["s3:ListBucket"], bucket.bucket_arn)
    _allow(function, ["s3:GetObject"], bucket.arn_for_objects("*"))
    _acknowledge_keys(bucket, function)


def grant_write(bucket: s3.Bucket, function: lambda_.Function) -> None:
    """Put objects, also in parts; no deletion: versions and lifecycle rules do the tidying."""
    _allow(function, ["s3:PutObject", "s3:AbortMultipartUpload"], bucket.arn_for_objects("*"))
    _acknowledge_keys(bucket, function)


def _allow(function: lambda_.Function, actions: list[str], resource: str) -> None:
    function.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[resource]))


def _acknowledge_keys(bucket: s3.Bucket, function: lambda_.Function) -> None:
    assert function.role is not None  # every function here has its own
    acknowledge(
        function.role,
        "The keys in the bucket are the caller's to choose, such as a migration's prefix; the bucket and the actions are exact.",
        f"IAM5[Resource::<{logical_id(bucket)}.Arn>/*]",
    )


def _age(storage_class: s3.StorageClass, days: int) -> s3.Transition:
    return s3.Transition(storage_class=storage_class, transition_after=Duration.days(days))


def _expire_after(days: int, prefix: str | None = None) -> s3.LifecycleRule:
    """Working files of a run, such as its plan and the results of its steps, are of no use once it is over."""
    return s3.LifecycleRule(
        id=f"expire-{(prefix or 'all').strip('/')}",
        prefix=prefix,
        expiration=Duration.days(days),
        noncurrent_version_expiration=Duration.days(1) if prefix else None,
        abort_incomplete_multipart_upload_after=Duration.days(7),
    )
