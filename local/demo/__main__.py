"""`python -m local.demo [--data DIR] [--orders N] [--dirty SHARE] [--seed S]`: what `make demo` runs."""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from local import cloud, interrupts
from local.command import CommandFailed
from local.config import ROOT, Config
from local.demo import check, consume, show, steps
from local.errors import LocalCloudError
from local.outputs import Outputs
from local.ports import free_port

STATE = ROOT / ".local" / "demo"


def main() -> int:
    """Exit 0 only if every step's own check held; 1 with the step's reason otherwise."""
    asked = _arguments()
    interrupts.raise_on_termination()
    try:
        _run(asked)
    except (steps.Failed, CommandFailed, LocalCloudError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; everything that was started is stopped", file=sys.stderr)
        return 130
    return 0


def _run(asked: argparse.Namespace) -> None:
    begun = time.monotonic()
    config = Config(state=STATE, aws_port=free_port(), pg_port=free_port())
    show.step("Deploy: PostgreSQL, an AWS emulator, and the app by cdk deploy")
    with cloud.running(config, show.line) as outputs:
        show.took(begun)
        show.step("Data")
        data = steps.dataset(STATE / "data", asked)
        report = _migrate(config, outputs, data)
        show.step("Ingest: a batch of records through the REST API, and the same batch again")
        check.ingested(outputs, steps.ingest(config, STATE), steps.ingest(config, STATE))
        _back_up_and_restore(config, outputs)
        _deliver(outputs)
        page = show.keep_report(outputs, report, STATE)
    show.step("Done: every check held, and everything that was started is stopped")
    show.line(f"Report of the migration: {page}")
    show.took(begun)


def _migrate(config: Config, outputs: Outputs, data: steps.Data) -> dict[str, Any]:
    show.step("Migrate: CSVs in S3 to PostgreSQL, through the state machine")
    report = steps.migrate(config, data.folder)
    show.step("Check against the database")
    check.reconciled(outputs, report, data)
    show.step("Migrate again: nothing may change")
    check.unchanged(outputs, report, steps.migrate(config, data.folder))
    return report


def _back_up_and_restore(config: Config, outputs: Outputs) -> None:
    show.step("Back up: all tables of one instant to Parquet, read back and compared")
    backup = steps.back_up(config)
    before = check.content(outputs, steps.DAMAGED)
    show.step("Damage, and restore")
    lost = steps.damage(outputs)
    damaged = check.content(outputs, steps.DAMAGED)
    restored = steps.restore(config, backup["backup_id"])
    check.restored(before, damaged, check.content(outputs, steps.DAMAGED), lost, restored)


def _deliver(outputs: Outputs) -> None:
    show.step("Deliver: a page of records, the quality of each table, an export")
    consume.page(outputs)
    consume.quality(outputs)
    consume.export(outputs)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make demo",
        description="Deploy the app to a temporary cloud on this machine; migrate, ingest, back up, restore and deliver,"
        " and check the result of each.",
        epilog="Example: make demo DATA=../olist",
    )
    parser.add_argument(
        "--data", type=Path, help="a folder of Olist CSVs under Kaggle's names (default: generate one)"
    )
    parser.add_argument(
        "--orders", type=int, default=3000, help="size of the generated dataset (default 3000)"
    )
    parser.add_argument(
        "--dirty", type=float, default=0.01, help="share of its rows made dirty (default 0.01)"
    )
    parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same files (default 7)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
