"""Let the processes of functions in a VPC connect to the emulator and to PostgreSQL only.

Security groups are evaluated when a process starts. A change of their rules applies to later processes.
"""

import os
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc, rds

from local.emulator import stack_handlers
from local.emulator.anchors import require
from local.emulator.database import is_postgres
from local.emulator.network.groups import reaches
from local.emulator.worker_script import SETUP, change_worker_script

PORTS = "_REACHABLE_PORTS"
"""The environment variable of a process with the ports of this machine that it may connect to."""
SCRIPT = Path(__file__).with_name("process.py")
ISOLATE = f'    import runpy; runpy.run_path({str(SCRIPT)!r})["isolate"]({PORTS!r})\n{SETUP}'


def apply() -> None:
    """Isolate each process when it starts."""
    require("network.isolation", lambda_runtime, "execution_credentials")
    require("network.isolation", rds, "_instances")
    change_worker_script("network.isolation", SETUP, ISOLATE)
    require("network.isolation", lambda_svc, "_functions", "_vpc_config_with_id")
    stack_handlers.wrap("network.isolation", stack_handlers.FUNCTION, after=_store_network)
    original = lambda_runtime.execution_credentials

    def with_ports(function: dict[str, Any]) -> dict[str, str]:
        credentials: dict[str, str] = original(function)
        return credentials | ports(function)

    lambda_runtime.execution_credentials = with_ports


def _store_network(name: str, properties: dict[str, Any]) -> None:
    """Store the subnets and the security groups of a stack's function, which the emulator omits."""
    network = lambda_svc._vpc_config_with_id(properties.get("VpcConfig"))
    lambda_svc._functions[name]["config"]["VpcConfig"] = network


def ports(function: dict[str, Any]) -> dict[str, str]:
    """The variable for a process of the function; none for a function outside a VPC, which reaches everything."""
    if not (function.get("VpcConfig") or {}).get("SubnetIds"):
        return {}
    instances = [one for one in list(rds._instances.values()) if is_postgres(one)]
    databases = [str(one["Endpoint"]["Port"]) for one in instances if reaches(function, one)]
    return {PORTS: ",".join([os.environ["GATEWAY_PORT"], *databases])}
