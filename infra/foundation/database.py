"""The database for the functions: its address, network access, and a role for each function."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.foundation.acknowledge import acknowledge
from infra.foundation.network import Network
from infra.foundation.postgres import make_postgres
from infra.services.deployment import Deployment
from infra.settings import ExistingDatabase, Settings


@dataclass(frozen=True)
class Address:
    """The address of PostgreSQL; ``rds-db:connect`` is granted on ``resource_id``."""

    host: str
    port: str
    name: str
    resource_id: str | None


class Database(Construct):
    """PostgreSQL: an instance of the stack, or an existing database.

    ``roles`` are the logins of the functions. With ``auth=iam`` they have no passwords. With ``auth=secret`` each has
    a generated secret.
    """

    master_secret: secretsmanager.ISecret
    instance: rds.DatabaseInstance | None = None

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        network: Network,
        deployment: Deployment,
        roles: Sequence[str],
    ) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self._network = network
        self._deployment = deployment
        existing = settings.existing_database
        self.address = self._adopt(existing) if existing else self._create()
        self.group.connections.allow_from(
            network.functions,
            ec2.Port.tcp(existing.port if existing else 5432),
            "PostgreSQL from the functions",
        )
        self.role_secrets: Mapping[str, secretsmanager.Secret] = (
            {role: self._role_secret(role) for role in roles} if settings.auth == "secret" else {}
        )

    def _create(self) -> Address:
        group = ec2.SecurityGroup(
            self,
            "Group",
            vpc=self._network.vpc,
            description="PostgreSQL; only the functions come in",
            allow_all_outbound=False,
        )
        self.group: ec2.ISecurityGroup = group
        self.instance = make_postgres(
            self,
            settings=self._settings,
            network=self._network,
            deployment=self._deployment,
            group=group,
        )
        assert self.instance.secret is not None  # credentials are generated
        self.master_secret = self.instance.secret
        return Address(
            host=self.instance.db_instance_endpoint_address,
            port=self.instance.db_instance_endpoint_port,
            name="dataforge",
            resource_id=self.instance.instance_resource_id,
        )

    def _adopt(self, existing: ExistingDatabase) -> Address:
        self.group = ec2.SecurityGroup.from_security_group_id(self, "Group", existing.security_group_id)
        self.master_secret = secretsmanager.Secret.from_secret_complete_arn(
            self, "Master", existing.secret_arn
        )
        return Address(existing.host, str(existing.port), existing.name, existing.resource_id)

    def _role_secret(self, role: str) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            self,
            "Secret" + role.title().replace("_", ""),
            description=f"Login of the PostgreSQL role {role}",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=json.dumps({"username": role}),
                generate_string_key="password",
                password_length=40,
                exclude_punctuation=True,
            ),
        )
        acknowledge(
            secret,
            "Exists only with auth=secret, for PostgreSQL without IAM authentication. The schema function sets "
            "the role's password from it at every deployment, so a new value requires one `cdk deploy`.",
            "SMG4",
        )
        return secret

    def environment(self) -> dict[str, str]:
        """Return the environment variables of every function; ``allow_connect`` adds the role."""
        return {
            "DB_HOST": self.address.host,
            "DB_PORT": self.address.port,
            "DB_NAME": self.address.name,
            "DB_AUTH": self._settings.auth,
            "DB_SSLMODE": "verify-full",
        }

    def allow_connect(self, function: lambda_.Function, *, role: str) -> None:
        """Let ``function`` log in as ``role`` only.

        Network access comes from the security group that all functions of the network share.
        """
        function.add_environment("DB_USER", role)
        if self._settings.auth == "secret":
            secret = self.role_secrets[role]
            secret.grant_read(function)
            function.add_environment("DB_SECRET_ARN", secret.secret_arn)
        else:
            function.add_to_role_policy(
                iam.PolicyStatement(actions=["rds-db:connect"], resources=[self._login_arn(role)])
            )

    def allow_reach(self, group: ec2.ISecurityGroup, source: str) -> None:
        """Allow connections from another security group to PostgreSQL's port."""
        self.group.connections.allow_from(group, ec2.Port.tcp(5432), f"PostgreSQL from {source}")

    def allow_read_secrets(self, function: lambda_.Function) -> None:
        """Read the secret of the master user and those of all roles."""
        for secret in (self.master_secret, *self.role_secrets.values()):
            secret.grant_read(function)

    def allow_people(self, policy: iam.ManagedPolicy, *, role: str) -> None:
        """Let users with the policy log in as ``role``, by IAM or with the role's secret."""
        if self._settings.auth == "secret":
            self.role_secrets[role].grant_read(policy)
        else:
            policy.add_statements(
                iam.PolicyStatement(actions=["rds-db:connect"], resources=[self._login_arn(role)])
            )

    def _login_arn(self, role: str) -> str:
        return Stack.of(self).format_arn(
            service="rds-db",
            resource="dbuser",
            resource_name=f"{self.address.resource_id}/{role}",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
