"""Calls to compare: records become a body outside the measured time, and only the post is timed."""

from __future__ import annotations

import json
import logging
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from moto import mock_aws

from bench.processors import Cost, cost_of
from bench.server import Server
from dataforge.aws.clients import WORKER, make_client
from dataforge.defaults import WHOLE_PROCESSOR_MEGABYTES
from dataforge.postgres.roles import INGEST
from functions.ingest.handler import handler

Records = list[dict[str, str]]
Post = Callable[[], Any]
Call = Callable[[Records], Post]
"""Prepare the post of a batch; the returned call is timed."""

CONTEXT: Any = SimpleNamespace(
    function_name="ingest",
    memory_limit_in_mb=WHOLE_PROCESSOR_MEGABYTES,
    invoked_function_arn="arn",
    aws_request_id="1",
)


def customers(count: int) -> Records:
    """Records that no earlier call used."""
    return [
        {
            "customer_id": f"{random.getrandbits(128):032x}",
            "customer_unique_id": f"{random.getrandbits(128):032x}",
            "customer_zip_code_prefix": f"{random.randrange(100_000):05}",
            "customer_city": random.choice(("são paulo", "rio de janeiro", "belo horizonte")),
            "customer_state": random.choice(("SP", "RJ", "MG")),
        }
        for _ in range(count)
    ]


def timed(server: Server, call: Call, records: Records) -> Cost:
    """The cost of one post."""
    return cost_of(server, call(records))


def by_handler(*, idempotent: bool) -> Call:
    """Events of API Gateway to the function's handler, which connects according to its environment."""

    def call(records: Records) -> Post:
        headers = {"Content-Type": "application/json"}
        if idempotent:
            headers["Idempotency-Key"] = f"{random.getrandbits(128):032x}"
        batch = {"records": [{"table": "customers", "data": record} for record in records]}
        event = {
            "httpMethod": "POST",
            "path": "/v1/records",
            "headers": headers,
            "body": json.dumps(batch),
            "requestContext": {
                "requestId": "1",
                "identity": {"apiKey": "writer." + "k" * 40, "apiKeyId": "bench"},
            },
        }

        def post() -> None:
            answer = handler(event, CONTEXT)
            if answer["statusCode"] != 200:
                raise RuntimeError(answer["body"])

        return post

    return call


@contextmanager
def function_environment(server: Server, database: str, role: str = INGEST) -> Iterator[None]:
    """The function's environment and its secret, for the length of a block; its logs are discarded."""
    settings = server.settings(database, role).model_dump(include=_PLACE)
    names = {name.upper(): str(value) for name, value in settings.items()}
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "DB_SECRET_ARN"), "ingest")
    before = dict(os.environ)
    os.environ.update(names | keys | {"AWS_DEFAULT_REGION": "eu-west-1", "REPORT_BUCKET": "report"})
    try:
        with mock_aws(), redirect_stdout(_NOWHERE):
            secret = json.dumps({"username": role, "password": server.password})
            make_client("secretsmanager", WORKER).create_secret(Name="ingest", SecretString=secret)
            for name in ("ingest", "deliver"):
                for output in logging.getLogger(name).handlers:
                    if isinstance(output, logging.StreamHandler):
                        output.setStream(_NOWHERE)
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


_NOWHERE = Path(os.devnull).open("w")  # noqa: SIM115  open as long as the process
_PLACE = {"db_host", "db_port", "db_name", "db_user", "db_auth", "db_sslmode"}
