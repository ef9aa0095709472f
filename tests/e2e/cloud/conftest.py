"""The patched emulator alone, for tests of its limits and of its S3, which need neither PostgreSQL nor the app."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import boto3
import pytest
import urllib3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local import aws
from local.aws import ClientSettings
from local.config import Config


def create_role(settings: ClientSettings) -> None:
    """Create the role "any" for functions and state machines, which may do everything."""
    iam = boto3.client("iam", **settings)
    services = {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}
    trust = {"Effect": "Allow", "Principal": services, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="any", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_role_policy(
        RoleName="any", PolicyName="all", PolicyDocument=json.dumps({"Statement": [everything]})
    )


@pytest.fixture(scope="session")
def emulator(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[ClientSettings]:
    """The patched emulator alone, for ``boto3.client("s3", **emulator)``: without PostgreSQL and without the app."""
    config = Config(state=tmp_path_factory.mktemp("emulator"), aws_port=free_port(), temporary=True)
    for folder in (config.run, config.logs, config.data):
        folder.mkdir()
    config.superuser.write_text(
        json.dumps({"host": "127.0.0.1", "port": free_port(), "user": "no", "password": "server"})
    )
    aws.start(config)
    yield aws.client_settings(aws.connection(config))
    aws.stop(config)


@pytest.fixture(scope="session")
def move_clock(emulator: ClientSettings) -> Callable[..., int]:
    """Move the emulator's clock of S3 by a number of days; returns the status of the answer."""

    administrator = Credentials(emulator["aws_access_key_id"], emulator["aws_secret_access_key"])

    def move(days: int, credentials: Credentials = administrator) -> int:
        request = AWSRequest("PUT", f"{emulator['endpoint_url']}/_local/clock?days={days}", data=b"")
        S3SigV4Auth(credentials, "s3", emulator["region_name"]).add_auth(request)
        return urllib3.request("PUT", str(request.url), headers=dict(request.headers)).status

    return move
