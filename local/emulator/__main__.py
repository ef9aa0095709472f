"""Start ministack, patched: `python -m local.emulator --superuser run/superuser.json`."""

import argparse
import json
import sys
from pathlib import Path

from local.emulator import database, error_names, layers, log_wait, unknown_types, vpc


def main() -> None:
    """Listens where ministack's own environment variables say."""
    parser = argparse.ArgumentParser(prog="local.emulator", description="ministack with Data Forge's patches")
    parser.add_argument("--superuser", type=Path, required=True, help="JSON: host, port, user, password of PostgreSQL")
    superuser = json.loads(parser.parse_args().superuser.read_text())
    unknown_types.apply()
    vpc.apply()
    database.apply(superuser)
    error_names.apply()
    log_wait.apply()
    layers.apply()

    from ministack.app import main as serve

    sys.argv = ["ministack"]
    serve()


main()
