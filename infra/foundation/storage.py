"""The buckets for raw files, backups, reports and access logs, and their grants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from dataforge.defaults import BACKUP_VERSION_DAYS, TEMPORARY_DAYS
from dataforge.s3.keys import EXPORTS, REJECTED, RUNS, TEMPORARY
from infra.foundation.acknowledge import acknowledge, logical_id
from infra.foundation.removal import KEPT

INSTANT_ARCHIVE = s3.StorageClass.GLACIER_INSTANT_RETRIEVAL
INFREQUENT = s3.StorageClass.INFREQUENT_ACCESS
_MONTH = Duration.days(30)
_REJECTED_MARGIN_DAYS = 7
"""A rejected record in the bucket outlives the row that refers to it, which the upkeep deletes once a day."""


class Bucket(s3.Bucket):
    """A bucket whose grants name actions and keys exactly; CDK's own also cover the bucket's configuration."""

    def allow_read(self, function: lambda_.Function, *keys: str) -> None:
        """List the bucket and read its objects, or only those whose keys match one of the patterns."""
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["s3:ListBucket"], resources=[self.bucket_arn])
        )
        for pattern in keys or ("*",):
            self._allow(function, ["s3:GetObject"], pattern)

    def allow_get(self, function: lambda_.Function, pattern: str) -> None:
        """Read the objects whose keys match the pattern, without listing the bucket."""
        self._allow(function, ["s3:GetObject"], pattern)

    def allow_get_versions(self, function: lambda_.Function) -> None:
        """Read versions of all objects by their ids, without listing them."""
        self._allow(function, ["s3:GetObjectVersion"], "*")

    def allow_write(self, function: lambda_.Function, *prefixes: str) -> None:
        """Put objects under the prefixes, in one request or in parts. Deletion is not included."""
        for prefix in prefixes:
            self._allow(function, ["s3:PutObject", "s3:AbortMultipartUpload"], f"{prefix}*")

    def allow_put(self, function: lambda_.Function, *patterns: str) -> None:
        """Put small objects whose keys match one of the patterns, each in one request."""
        for pattern in patterns:
            self._allow(function, ["s3:PutObject"], pattern)

    def allow_read_versions(self, function: lambda_.Function, pattern: str) -> None:
        """Read a certain version of objects whose keys match the pattern."""
        self._allow(function, ["s3:GetObjectVersion"], pattern)

    def require_absence(self, *patterns: str) -> None:
        """Deny all principals to replace objects whose keys match: a request must state that none exists (If-None-Match).

        The parts of an upload cannot state it; the request that completes it must.
        """
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="RequireAbsence",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:PutObject"],
                resources=[self.arn_for_objects(pattern) for pattern in patterns],
                conditions={
                    "Null": {"s3:if-none-match": "true"},
                    "Bool": {"s3:ObjectCreationOperation": "true"},
                },
            )
        )

    def allow_delete(self, function: lambda_.Function, *prefixes: str) -> None:
        """Delete objects under the prefixes, but not their versions, which lifecycle rules expire."""
        for prefix in prefixes:
            self._allow(function, ["s3:DeleteObject"], f"{prefix}*")

    def _allow(self, function: lambda_.Function, actions: list[str], keys: str) -> None:
        function.add_to_role_policy(
            iam.PolicyStatement(actions=actions, resources=[self.arn_for_objects(keys)])
        )
        assert function.role is not None  # every function here has its own
        acknowledge(
            function.role,
            "Clients that upload and runs that write choose object names; bucket, prefix and actions are exact.",
            f"IAM5[Resource::<{logical_id(self)}.Arn>/{keys}]",
        )


@dataclass(frozen=True)
class Retention:
    """Days after which objects are deleted: files, reports and exports by age (None: never), versions after deletion."""

    raw_keep_days: int | None
    report_keep_days: int | None
    export_keep_days: int
    version_days: int


class Storage(Construct):
    """Four buckets: encrypted, TLS only, without public access, with lifecycle rules to cheaper storage classes.

    ``logs`` stores the access logs of the others. Only storage classes with immediate access are used, so that a
    restore does not wait.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        keep: bool,
        rejection_days: int,
        retention: Retention,
        backup_lock_days: int | None = None,
    ) -> None:
        """``keep``: retain the buckets when the stack is deleted. ``rejection_days``: the age at which rejections expire.
        ``retention``: of other objects. ``backup_lock_days``: S3 Object Lock of backups.
        """
        super().__init__(scope, id)
        self._removal = KEPT if keep else RemovalPolicy.DESTROY
        self.logs = self._bucket("Logs", versioned=False, rules=[_expire_after(365)])
        # A replaced file is stored as long as the rejections that are read in it.
        self.raw = self._data_bucket(
            "Raw",
            [_age(INFREQUENT, 30), _age(INSTANT_ARCHIVE, 120)],
            version_days=max(retention.version_days, rejection_days + _REJECTED_MARGIN_DAYS),
            expiring={None: retention.raw_keep_days} if retention.raw_keep_days else {},
        )
        self.backup = self._data_bucket(
            "Backup",
            [_age(INFREQUENT, 30), _age(INSTANT_ARCHIVE, 120)],
            version_days=min(BACKUP_VERSION_DAYS, retention.version_days),
            lock_days=backup_lock_days,
        )
        expiring: dict[str | None, int] = {
            **dict.fromkeys(TEMPORARY, TEMPORARY_DAYS),
            EXPORTS: retention.export_keep_days,
            REJECTED: rejection_days + _REJECTED_MARGIN_DAYS,
            **({RUNS: retention.report_keep_days} if retention.report_keep_days else {}),
        }
        self.report = self._data_bucket(
            "Report", [_age(INFREQUENT, 90)], expiring=expiring, version_days=retention.version_days
        )

    @property
    def data(self) -> list[Bucket]:
        """The buckets that functions use."""
        return [self.raw, self.backup, self.report]

    def _data_bucket(
        self,
        name: str,
        transitions: list[s3.Transition],
        expiring: Mapping[str | None, int] | None = None,
        *,
        version_days: int,
        lock_days: int | None = None,
    ) -> Bucket:
        """``version_days``: in which a deleted or replaced object can be recovered. ``expiring``: days by prefix, None for
        all objects.
        """
        undo = [s3.NoncurrentVersionTransition(storage_class=INSTANT_ARCHIVE, transition_after=_MONTH)]
        rules = [
            s3.LifecycleRule(
                id="age",
                transitions=transitions,
                noncurrent_version_transitions=undo if version_days > _MONTH.to_days() else None,
                noncurrent_version_expiration=Duration.days(version_days),
                abort_incomplete_multipart_upload_after=Duration.days(7),
                expired_object_delete_marker=True,
            )
        ]
        rules += [_expire_after(days, prefix) for prefix, days in (expiring or {}).items()]
        return self._bucket(name, versioned=True, rules=rules, lock_days=lock_days)

    def _bucket(
        self, name: str, *, versioned: bool, rules: list[s3.LifecycleRule], lock_days: int | None = None
    ) -> Bucket:
        logged = name != "Logs"
        # S3 and the flow log write to this bucket during the creation of the stack, so a rollback could not delete it.
        removal = self._removal if logged else RemovalPolicy.RETAIN
        bucket = Bucket(
            self,
            name,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=versioned,
            # In governance mode, a principal with the permission to bypass it can delete. No role of the stack has it.
            object_lock_default_retention=(
                s3.ObjectLockRetention.governance(Duration.days(lock_days)) if lock_days else None
            ),
            lifecycle_rules=rules,
            removal_policy=removal,
            server_access_logs_bucket=self.logs if logged else None,
            server_access_logs_prefix=f"{name.lower()}/" if logged else None,
        )
        assert bucket.policy is not None  # TLS only
        bucket.policy.apply_removal_policy(self._removal)
        return bucket


def _age(storage_class: s3.StorageClass, days: int) -> s3.Transition:
    return s3.Transition(storage_class=storage_class, transition_after=Duration.days(days))


def _expire_after(days: int, prefix: str | None = None) -> s3.LifecycleRule:
    """Return a rule that expires all objects, or those below a prefix of temporary objects."""
    return s3.LifecycleRule(
        id=f"expire-{(prefix or 'all').strip('/')}",
        prefix=prefix,
        expiration=Duration.days(days),
        noncurrent_version_expiration=Duration.days(1) if prefix else None,
        abort_incomplete_multipart_upload_after=Duration.days(7),
    )
