"""The HTTP API of the embedded cloud: its address and a key of each kind."""

import re
from collections.abc import Mapping

from dataforge.aws.clients import THIS_MACHINE, make_client
from dataforge_cli.aws.api_keys import KINDS, PLAN_OUTPUTS, create_key, find_value
from local import aws
from local.config import Config

KEY_NAME = "embedded-cloud"
KEY_OUTPUTS = {"operator": "api_key", "writer": "writer_key", "reader": "reader_key"}
# The output of the stack has the form of AWS; the emulator serves the API under a separate path.
ON_AWS = re.compile(r"https://(?P<id>\w+)\.execute-api\.[^/]+/(?P<stage>\w+)")


def offer(config: Config, stack: Mapping[str, str]) -> dict[str, str]:
    """The ``api_url`` and the keys for ``outputs.json``; empty for an app without an API.

    Keys are created once; later deployments find and reuse them.
    """
    address = ON_AWS.fullmatch(stack.get("api_url", ""))
    if address is None:
        return {}
    client = make_client("apigateway", THIS_MACHINE, aws.access(aws.connection(config)))
    keys = {}
    for kind in KINDS:
        plan = stack[PLAN_OUTPUTS[kind]]
        keys[KEY_OUTPUTS[kind]] = (
            find_value(client, plan, kind, KEY_NAME) or create_key(client, plan, kind, KEY_NAME)[1]
        )
    return {
        "api_url": f"{config.endpoint}/_aws/execute-api/{address['id']}/{address['stage']}",
        **{name: keys[name] for name in KEY_OUTPUTS.values()},
    }
