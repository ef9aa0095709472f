"""Let the processes of functions in a VPC connect to the emulator and to PostgreSQL only.

Security groups are evaluated when a process starts. A change of their rules applies to later processes.
"""

import os
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc, rds
from ministack.services.cloudformation import provisioners

from local.emulator.anchors import require
from local.emulator.database import is_postgres
from local.emulator.network.groups import reaches
from local.emulator.worker_script import SETUP, change_worker_script

PORTS = "_DATAFORGE_PORTS"
"""The environment variable of a process with the ports of this machine that it may connect to."""
FUNCTION = "AWS::Lambda::Function"
SCRIPT = Path(__file__).with_name("process.py")
ISOLATE = f'    import runpy; runpy.run_path({str(SCRIPT)!r})["isolate"]({PORTS!r})\n{SETUP}'


def apply() -> None:
    """Isolate each process when it starts."""
    require("network.isolation", lambda_runtime, "execution_credentials")
    require("network.isolation", rds, "_instances")
    change_worker_script("network.isolation", SETUP, ISOLATE)
    _store_networks()
    original = lambda_runtime.execution_credentials

    def with_ports(function: dict[str, Any]) -> dict[str, str]:
        credentials: dict[str, str] = original(function)
        return credentials | ports(function)

    lambda_runtime.execution_credentials = with_ports


def _store_networks() -> None:
    """Store the subnets and the security groups of a stack's function, which the emulator omits."""
    require("network.isolation", provisioners, "_RESOURCE_HANDLERS")
    require("network.isolation", lambda_svc, "_functions", "_vpc_config_with_id")
    handlers = provisioners._RESOURCE_HANDLERS[FUNCTION]
    create, update = handlers["create"], handlers["update"]

    def create_with_network(logical_id: str, properties: Any, *rest: Any, **others: Any) -> Any:
        return _stored(properties, create(logical_id, properties, *rest, **others))

    def update_with_network(identifier: str, old: Any, new: Any, *rest: Any, **others: Any) -> Any:
        return _stored(new, update(identifier, old, new, *rest, **others))

    provisioners._RESOURCE_HANDLERS[FUNCTION] = {
        **handlers,
        "create": create_with_network,
        "update": update_with_network,
    }


def _stored(properties: dict[str, Any], created: tuple[str, dict[str, str]]) -> tuple[str, dict[str, str]]:
    network = lambda_svc._vpc_config_with_id(properties.get("VpcConfig"))
    lambda_svc._functions[created[0]]["config"]["VpcConfig"] = network
    return created


def ports(function: dict[str, Any]) -> dict[str, str]:
    """The variable for a process of the function; none for a function outside a VPC, which reaches everything."""
    if not (function.get("VpcConfig") or {}).get("SubnetIds"):
        return {}
    instances = [one for one in list(rds._instances.values()) if is_postgres(one)]
    databases = [str(one["Endpoint"]["Port"]) for one in instances if reaches(function, one)]
    return {PORTS: ",".join([os.environ["GATEWAY_PORT"], *databases])}
