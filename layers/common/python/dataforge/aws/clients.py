"""Create clients of AWS services, with time-outs, retries and addressing.

The defaults of boto3 are unsuitable: they wait for 60 seconds, try five times, and sign S3 addresses for the global host,
which regions opened since 2019 reject. Importing this module loads neither boto3 nor the model of a service.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from botocore.config import Config
from botocore.loaders import Loader, create_loader
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
"""For a step of a run, which may take minutes."""

CALLER = Config(connect_timeout=3, read_timeout=7, retries={"mode": "standard", "total_max_attempts": 3})
"""For a request of the API: API Gateway times out after 29 seconds, so an error must be detected before."""

WITHIN_TRANSACTION = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
)
"""For a request of the API that holds locks meanwhile, in a transaction that may be idle for 20 seconds."""

COMMAND_LINE = Config(
    connect_timeout=10,
    read_timeout=60,
    retries={"mode": "standard", "total_max_attempts": 5},
    user_agent_extra="dataforge",
)
"""For a command of the command line."""

THIS_MACHINE = COMMAND_LINE.merge(
    Config(retries={"mode": "standard", "total_max_attempts": 2}, proxies={}),
)
"""For the command line on the embedded cloud: a proxy in the environment of the user is not used."""

_ADDRESSING = Config(
    signature_version="s3v4",
    s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
)
"""S3 addresses contain bucket and region in the host; if the endpoint is an IP address, the bucket is in the path."""


def invoking(read_timeout: float) -> Config:
    """For a synchronous invocation that takes up to ``read_timeout`` seconds.

    It is sent once, because a function that did not answer in time may still be running.
    """
    return Config(
        connect_timeout=5,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 1},
        tcp_keepalive=True,
    )


class Access(NamedTuple):
    """The credentials and the endpoint of a client; the default of both is the environment."""

    session: boto3.Session | None = None
    endpoint: str | None = None


ENVIRONMENT = Access()
UNREAD = dict.fromkeys(("profile", "config_file", "credentials_file"), (None, None, None, None))
"""Settings of the user that clients of the embedded cloud do not read."""


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
    service: Literal["ec2", "ec2-instance-connect", "kms", "xray"],
    config: Config,
    access: Access = ...,
) -> Any: ...


def make_client(service: Any, config: Config, access: Access = ENVIRONMENT) -> Any:
    """A client of ``service``. Creating a client takes longer than most of its calls."""
    if service == "s3":
        config = _ADDRESSING.merge(config)
    if access.session is not None:
        return access.session.client(service, endpoint_url=access.endpoint, config=config)
    # Without boto3 a cold start is faster; boto3 only adds transfers of files, which no function needs.
    return get_session().create_client(service, endpoint_url=access.endpoint, config=config)


@cache
def worker_s3() -> S3Client:
    """The process's S3 client for state machine functions. Creating one takes longer than most of its calls."""
    return make_client("s3", WORKER)


def session(region: str | None = None) -> boto3.Session:
    """A session with the credentials of the user, in ``region`` or the region of the user."""
    import boto3  # noqa: PLC0415

    return boto3.Session(region_name=region)


@cache
def _loader() -> Loader:
    return create_loader()


def _session_without_files() -> CoreSession:
    """A session that reads no settings of the user. The sessions share the loader, which parses each file once."""
    core = CoreSession(session_vars=UNREAD)
    core.register_component("data_loader", _loader())
    return core


def embedded_session(outputs: Mapping[str, str]) -> boto3.Session:
    """A session with the credentials in the outputs of the embedded cloud. Profiles and files of the user are not read."""
    import boto3  # noqa: PLC0415

    core = _session_without_files()
    return boto3.Session(
        outputs["aws_access_key_id"],
        outputs["aws_secret_access_key"],
        region_name=outputs["region"],
        botocore_session=core,
    )


def role_session(outputs: Mapping[str, str], role: str) -> boto3.Session:
    """A session on the embedded cloud with the role of this ARN, which the administrator assumes for the first call."""
    import boto3  # noqa: PLC0415
    from botocore.credentials import (  # noqa: PLC0415
        AssumeRoleCredentialFetcher,
        DeferredRefreshableCredentials,
    )

    administrator = embedded_session(outputs)
    fetcher = AssumeRoleCredentialFetcher(
        partial(administrator.client, endpoint_url=outputs["aws_endpoint_url"], config=THIS_MACHINE),
        administrator.get_credentials(),
        role,
        extra_args={"RoleSessionName": "dataforge"},
    )
    core = _session_without_files()
    core._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # type: ignore[attr-defined]  # noqa: SLF001
    return boto3.Session(region_name=outputs["region"], botocore_session=core)
