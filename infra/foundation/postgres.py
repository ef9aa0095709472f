"""RDS for PostgreSQL: the app's own database instance."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.foundation.acknowledge import acknowledge
from infra.foundation.log_groups import retention
from infra.foundation.network import Network
from infra.foundation.removal import KEPT, retain
from infra.services.deployment import EXPORTED_LOGS, Deployment, instance_log_groups
from infra.settings import Settings

MASTER = "dataforge_master"
DATABASE = "dataforge"

VERSIONS = {
    16: rds.PostgresEngineVersion.VER_16,
    17: rds.PostgresEngineVersion.VER_17,
    18: rds.PostgresEngineVersion.VER_18,
}

PARAMETERS = {
    "rds.force_ssl": "1",
    # The server's log must contain no data: no statement of a failed command, no DETAIL, which quotes
    # keys and rows, and no error of a statement, whose message may quote a value. The functions log its SQLSTATE.
    # The levels LOG, FATAL and PANIC are logged.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}

# UTC. The automated backup comes before the datasets' own (infra/backup/schedule.py), which may take hours; maintenance,
# which can end every connection, comes long after them.
BACKUP_WINDOW = "01:00-02:00"
MAINTENANCE_WINDOW = "sun:22:00-sun:23:00"


def make_postgres(
    scope: Construct,
    *,
    settings: Settings,
    network: Network,
    deployment: Deployment,
    group: ec2.SecurityGroup,
) -> rds.DatabaseInstance:
    """Create the instance: encrypted, private, TLS only, with a generated master secret.

    It has a name, so that CloudFormation refuses any change that would replace it. In prod
    it is protected against deletion by ``Deployment.protect``, not here: a protected instance could not be deleted when
    the creation of its stack is rolled back.
    """
    log_groups = [
        _log_group(scope, settings, f"{log.capitalize()}Log", name)
        for log, name in zip(EXPORTED_LOGS, instance_log_groups(settings), strict=True)
    ]
    assert deployment.instance is not None
    for log in log_groups:
        log.node.add_dependency(deployment.instance)
    parameters = _parameters(scope, settings)
    instance = rds.DatabaseInstance(
        scope,
        "Postgres",
        instance_identifier=settings.instance_name,
        engine=_engine(settings),
        instance_type=ec2.InstanceType(
            deployment.instance_class if settings.keep_instance_class else settings.instance_class
        ),
        vpc=network.vpc,
        vpc_subnets=network.subnets,
        security_groups=[group],
        publicly_accessible=False,
        multi_az=settings.multi_az,
        database_name=DATABASE,
        credentials=rds.Credentials.from_generated_secret(MASTER),
        iam_authentication=True,
        parameter_group=parameters,
        ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
        storage_type=rds.StorageType.GP3,
        storage_encrypted=True,
        allocated_storage=settings.storage_gigabytes,
        max_allocated_storage=settings.max_storage_gigabytes,
        backup_retention=Duration.days(settings.backup_retention_days),
        preferred_backup_window=BACKUP_WINDOW,
        preferred_maintenance_window=MAINTENANCE_WINDOW,
        copy_tags_to_snapshot=True,
        delete_automated_backups=not settings.production,
        auto_minor_version_upgrade=True,
        allow_major_version_upgrade=False,
        cloudwatch_logs_exports=list(EXPORTED_LOGS),
        database_insights_mode=rds.DatabaseInsightsMode.STANDARD,
        enable_performance_insights=True,
        performance_insight_retention=rds.PerformanceInsightRetention.DEFAULT,
        deletion_protection=None if settings.production else False,
        removal_policy=KEPT if settings.production else RemovalPolicy.SNAPSHOT,
    )
    instance.node.add_dependency(*log_groups)
    if settings.production:
        for needed in (instance, parameters, group, *log_groups):
            retain(needed)
        network.retain()
    _acknowledge(instance, settings)
    return instance


def _engine(settings: Settings) -> rds.IInstanceEngine:
    # RDS refuses a lower major version, and a higher one without allow_major_version_upgrade: neither happens by accident.
    return rds.DatabaseInstanceEngine.postgres(version=VERSIONS[settings.postgres_version])


def _parameters(scope: Construct, settings: Settings) -> rds.ParameterGroup:
    return rds.ParameterGroup(
        scope,
        "Parameters",
        engine=_engine(settings),
        description="TLS only; no row of data in the log",
        parameters=PARAMETERS,
    )


def _log_group(scope: Construct, settings: Settings, id: str, name: str) -> logs.LogGroup:
    """Create the log group before RDS does, which would create it without a retention period."""
    return logs.LogGroup(
        scope,
        id,
        log_group_name=name,
        retention=retention(settings),
        removal_policy=RemovalPolicy.DESTROY,
    )


def _acknowledge(instance: rds.DatabaseInstance, settings: Settings) -> None:
    acknowledge(
        instance,
        "5432 is the standard port. The instance has no public address, and its security group admits only the "
        "functions. Another port would not hide it from a host inside the network.",
        "RDS11",
    )
    acknowledge(
        instance,
        "Only the function that creates roles reads the master secret, at deployment. The other functions sign IAM "
        "tokens. Rotation would require a function and a Secrets Manager endpoint in the VPC (docs/costs.md). "
        "docs/operations.md describes manual rotation by one command.",
        "SMG4",
    )
    if not settings.multi_az:
        acknowledge(
            instance,
            "A standby doubles the price of the instance. This stage can be restored from its automated backup. "
            "prod is multi-AZ by default.",
            "RDS3",
        )
    acknowledge(
        instance,
        "A dev stack can be deleted; a final snapshot is taken. prod is protected when its "
        "stack is complete (services/deployment.py): earlier protection would prevent the rollback of a failed creation.",
        "RDS10",
    )
