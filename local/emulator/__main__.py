"""Start ministack, patched: `python -m local.emulator --superuser run/superuser.json`."""

import argparse
import json
import sys
from pathlib import Path

from ministack import app

from local.emulator import (
    api_keys,
    backlog,
    database,
    error_names,
    layers,
    log_wait,
    map_runs,
    metric_math,
    parallel,
    stack_wait,
    throttling,
    unknown_types,
)


def main() -> None:
    """Listen at the address in ministack's environment variables."""
    parser = argparse.ArgumentParser(prog="local.emulator", description="ministack, patched for Data Forge")
    parser.add_argument(
        "--superuser", type=Path, required=True, help="JSON with PostgreSQL's host, port, user, password"
    )
    superuser = json.loads(parser.parse_args().superuser.read_text())
    unknown_types.apply()
    database.apply(superuser)
    error_names.apply()
    log_wait.apply()
    layers.apply()
    metric_math.apply()
    parallel.apply()
    stack_wait.apply()
    throttling.apply()
    backlog.apply()
    map_runs.apply()
    api_keys.apply()
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main()
