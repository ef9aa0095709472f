"""The one place where clients of AWS are made, with their time-outs, retries and addressing.

boto3's defaults fit none of the uses here: they wait for 60 seconds, call five times, and sign S3 addresses for the global
host, which regions opened since 2019 refuse and new buckets elsewhere redirect without a valid signature. Importing this
module loads neither boto3 nor a service's model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from botocore.config import Config
from botocore.session import Session as CoreSession
from botocore.session import get_session

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient

WORKER = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 5},
    tcp_keepalive=True,
)
"""For a step of a run, which has minutes."""

CALLER = Config(connect_timeout=3, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 3})
"""For a request of the API: API Gateway waits for 29 seconds, so an error must be known well before."""

COMMAND_LINE = Config(
    connect_timeout=10,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 5},
    user_agent_extra="dataforge",
)
"""For an operator's command."""

THIS_MACHINE = COMMAND_LINE.merge(
    Config(retries={"mode": "standard", "total_max_attempts": 2}, proxies={}),
)
"""For an operator's command on the embedded cloud: a proxy of the user's environment must not stand in between."""

_ADDRESSING = Config(
    signature_version="s3v4",
    s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
)
"""Addresses of S3 name bucket and region in their host. Where an endpoint is an IP address, the bucket stays in the path."""


def invoking(read_timeout: float) -> Config:
    """For a synchronous invocation that may take ``read_timeout`` seconds: it is never sent twice, because the function
    that did not answer in time may still be running.
    """
    return Config(
        connect_timeout=5,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        tcp_keepalive=True,
    )


class Access(NamedTuple):
    """Where a client's calls go, and as whom; both default to what the environment says."""

    session: boto3.Session | None = None
    endpoint: str | None = None


ENVIRONMENT = Access()


@overload
def make_client(service: Literal["s3"], config: Config, access: Access = ...) -> S3Client: ...
@overload
def make_client(service: Literal["stepfunctions"], config: Config, access: Access = ...) -> SFNClient: ...
@overload
def make_client(service: Literal["lambda"], config: Config, access: Access = ...) -> LambdaClient: ...
@overload
def make_client(service: Literal["apigateway"], config: Config, access: Access = ...) -> APIGatewayClient: ...
@overload
def make_client(
    service: Literal["cloudformation"], config: Config, access: Access = ...
) -> CloudFormationClient: ...
@overload
def make_client(
    service: Literal["secretsmanager"], config: Config, access: Access = ...
) -> SecretsManagerClient: ...
@overload
def make_client(service: Literal["rds"], config: Config, access: Access = ...) -> RDSClient: ...
@overload
def make_client(service: Literal["cloudwatch"], config: Config, access: Access = ...) -> CloudWatchClient: ...
@overload
def make_client(service: Literal["logs"], config: Config, access: Access = ...) -> CloudWatchLogsClient: ...
@overload
def make_client(service: Literal["sts"], config: Config, access: Access = ...) -> STSClient: ...
@overload
def make_client(
    service: Literal["ec2", "ec2-instance-connect", "xray"],
    config: Config,
    access: Access = ...,
) -> Any: ...


def make_client(service: Any, config: Config, access: Access = ENVIRONMENT) -> Any:
    """A client of ``service`` that waits and retries as ``config`` says. Making one takes longer than most of its calls."""
    if service == "s3":
        config = _ADDRESSING.merge(config)
    if access.session is not None:
        return access.session.client(service, endpoint_url=access.endpoint, config=config)
    # botocore alone: boto3 only adds transfers of whole files, which no function needs, to what a cold start loads.
    return get_session().create_client(service, endpoint_url=access.endpoint, config=config)


def session(region: str | None = None) -> boto3.Session:
    """The user's credentials and region, or another region."""
    import boto3  # noqa: PLC0415

    return boto3.Session(region_name=region)


def embedded_session(region: str) -> boto3.Session:
    """The embedded cloud's credentials; neither the user's profile nor AWS's files are read."""
    import boto3  # noqa: PLC0415

    unread = dict.fromkeys(("profile", "config_file", "credentials_file"), (None, None, None, None))
    core = CoreSession(session_vars=unread)
    return boto3.Session("test", "test", region_name=region, botocore_session=core)
