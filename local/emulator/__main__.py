"""Start ministack, patched: `python -m local.emulator --superuser FILE --administrator FILE`."""

import argparse
import json
import os
import sys
from pathlib import Path

from ministack import app

from local.emulator import (
    api_keys,
    backlog,
    credentials,
    database,
    endpoint_policies,
    error_names,
    events,
    kept_state,
    layers,
    limits,
    log_wait,
    map_runs,
    metric_math,
    parallel,
    secret_refs,
    sign_in,
    stack_wait,
    throttling,
    unknown_types,
    version_ranges,
)
from local.emulator.iam import authorize, invocations, machines, network, policies, requests, roles, sessions
from local.emulator.network import groups, isolation
from local.emulator.s3 import clock, lifecycle, object_lock, settings, sizes


def main() -> None:
    """Listen at the address in ministack's environment variables."""
    parser = argparse.ArgumentParser(prog="local.emulator", description="ministack with patches")
    parser.add_argument(
        "--superuser", type=Path, required=True, help="JSON with PostgreSQL's host, port, user, password"
    )
    parser.add_argument(
        "--authority", type=Path, required=True, help="PEM file with the root of PostgreSQL's certificate"
    )
    parser.add_argument("--tokens", type=Path, help="socket on which to check tokens for PostgreSQL")
    parser.add_argument(
        "--administrator",
        type=Path,
        required=True,
        help="JSON with the administrator's access key and secret",
    )
    parser.add_argument("--data", type=Path, help="folder of the stored state; without it, nothing is stored")
    parser.add_argument("--calls", type=Path, help="file in which every distinct call of a role is recorded")
    options = parser.parse_args()
    unknown_types.apply()
    groups.apply()
    database.apply(json.loads(options.superuser.read_text()), options.authority)
    if options.tokens:
        sign_in.apply(options.tokens)
    endpoint_policies.apply()
    error_names.apply()
    log_wait.apply()
    metric_math.apply()
    parallel.apply()
    secret_refs.apply()
    stack_wait.apply()
    throttling.apply()
    backlog.apply()
    map_runs.apply()
    api_keys.apply()
    version_ranges.apply()
    limits.apply()
    settings.apply()
    object_lock.apply()
    sizes.apply()
    lifecycle.apply()
    administrator = json.loads(options.administrator.read_text())
    clock.apply(administrator["aws_access_key_id"])
    for part in (network, policies, sessions):
        part.check()
    requests.require_anchors()
    machines.apply()
    events.apply()
    invocations.apply()
    roles.apply()
    if options.calls:
        authorize.records.open(options.calls)
    if options.data:
        kept_state.apply(options.data)
    credentials.apply(administrator, int(os.environ["GATEWAY_PORT"]))
    isolation.apply()
    layers.apply(options.authority)
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main()
