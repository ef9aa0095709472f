"""Lambda functions with the common configuration: arm64, traced, logged, each with its own role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from dataforge.aws.metric_names import NAMESPACE
from infra.foundation.acknowledge import acknowledge
from infra.foundation.log_groups import log_group
from infra.foundation.network import Network
from infra.foundation.own_code import OwnCode
from infra.foundation.wheels import ROOT, platform_of
from infra.settings import Settings

SMALL, MEDIUM, LARGE = 256, 512, 1024
"""Memory in MB: of functions that only call services, that load the whole layer, and that process requests or files."""


class Function(lambda_.Function):
    """``handler`` is ``<capability>.<function>``: ``migrate.control`` is ``control`` in functions/migrate/handler.py.

    ``files`` are additional files for the function, by their paths from the root of the repository.
    With a ``network`` the function runs in it, and can reach only the database and S3.
    No concurrency is reserved: a new account has ten concurrent executions in total.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        settings: Settings,
        handler: str,
        description: str,
        layers: Sequence[lambda_.ILayerVersion],
        environment: Mapping[str, str],
        timeout: Duration,
        memory_size: int,
        network: Network | None = None,
        dead_letter_queue: sqs.IQueue | None = None,
        files: Sequence[str] = (),
    ) -> None:
        capability, name = handler.split(".")
        logs = log_group(scope, f"{id}Logs", settings)
        role = _role(scope, f"{id}Role", in_network=network is not None)
        logs.grant_write(role)
        super().__init__(
            scope,
            id,
            description=description,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=f"functions.{capability}.handler.{name}",
            code=_code(capability, files, settings),
            layers=list(layers),
            environment={
                "POWERTOOLS_SERVICE_NAME": capability,
                "POWERTOOLS_NAMESPACE": NAMESPACE,
                "POWERTOOLS_LOG_LEVEL": "INFO",
                **environment,
            },
            timeout=timeout,
            memory_size=memory_size,
            role=role,
            log_group=logs,
            tracing=lambda_.Tracing.ACTIVE,
            vpc=network.vpc if network else None,
            vpc_subnets=network.subnets if network else None,
            security_groups=[network.functions] if network else None,
            dead_letter_queue=dead_letter_queue,
        )
        acknowledge(
            self,
            "All pinned wheels and the packaging test are for Python 3.13, which Lambda supports until October 2029. "
            "A newer runtime is one constant here and one in infra/foundation/wheels.py, once every wheel exists for it.",
            "L1",
        )
        acknowledge(
            role,
            "X-Ray's PutTraceSegments and PutTelemetryRecords have no resource.",
            "IAM5[Resource::*]",
        )


def _code(capability: str, files: Sequence[str], settings: Settings) -> lambda_.Code:
    """Return functions/<capability> with its path, so that a handler has the same name everywhere."""
    paths = ("functions/__init__.py", f"functions/{capability}", *map(_existing, files))
    sources = tuple((path, ROOT / path) for path in paths)
    return OwnCode(sources, platform_of(local=settings.local).python).code()


def _existing(file: str) -> str:
    if not (ROOT / file).is_file():
        raise FileNotFoundError(
            f"{file} is missing in the repository. Run `npm ci`, or the `make` target, which runs it."
        )
    return file


def _role(scope: Construct, id: str, *, in_network: bool) -> iam.Role:
    """Create a role that may attach the function to the network. The caller grants writing its log."""
    role = iam.Role(
        scope,
        id,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Network": iam.PolicyDocument(statements=[_attach()])} if in_network else None,
    )
    if in_network:
        acknowledge(
            role,
            "The permissions of AWSLambdaVPCAccessExecutionRole, except those on logs. These actions cannot be narrowed "
            "before the interface exists. Lambda uses them: from this network the code cannot reach EC2's API.",
            "IAM5[Resource::*]",
        )
    return role


def _attach() -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=[
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ],
        resources=["*"],
    )
