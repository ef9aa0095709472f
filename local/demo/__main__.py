"""`python -m local.demo [--data DIR] [--orders N] [--dirty SHARE] [--seed S]`: the command of `make demo`."""

import argparse
import sys
import time
from pathlib import Path

from dataforge.defaults import QUALITY_THRESHOLD
from dataforge.runs.results.migration import MigrationOutput
from local import cloud, interrupts
from local.command import CommandFailed
from local.config import ROOT, Config
from local.demo import check, consume, show, steps
from local.demo.folder.choose import FolderData, choose, is_olist
from local.demo.folder.tour import tour
from local.errors import LocalCloudError
from local.outputs import Outputs
from local.ports import free_port

STATE = ROOT / ".local" / "demo"


def main() -> int:
    """Exit status 0: the check of every step passed. 1: a step failed; its reason was printed."""
    options = _arguments()
    interrupts.raise_on_termination()
    try:
        _run(options)
    except (steps.Failed, CommandFailed, LocalCloudError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; all started processes are stopped", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace) -> None:
    begun = time.monotonic()
    config = Config(state=STATE, aws_port=free_port(), pg_port=free_port())
    data = _folder_data(options.data)
    show.step("Deploy: PostgreSQL, an AWS emulator, and the app by cdk deploy")
    with cloud.running(config, show.line) as outputs:
        show.took(begun)
        report = _olist_tour(config, outputs, options) if data is None else tour(config, outputs, data)
        page = show.save_report(outputs, report, STATE)
    show.step("Done: all checks passed, and all started processes are stopped")
    if data is not None and data.threshold < float(QUALITY_THRESHOLD):
        rejected = sum(table.rejected for table in report.tables)
        show.line(f"{rejected:,} records were rejected; the threshold was lowered to {data.threshold:g}.")
    show.line(f"Report of the migration: {page}")
    show.took(begun)


def _folder_data(folder: Path | None) -> FolderData | None:
    """The dataset of a folder that has other files than those of Olist."""
    if folder is None:
        return None
    if not folder.is_dir():
        raise steps.Failed(f"{folder} is not a folder.")
    if is_olist(folder):
        return None
    show.step("Data: find or draft a dataset for the folder")
    return choose(folder.resolve(), STATE / "datasets")


def _olist_tour(config: Config, outputs: Outputs, options: argparse.Namespace) -> MigrationOutput:
    show.step("Data")
    data = steps.dataset(STATE / "data", options)
    report = _migrate(config, outputs, data)
    show.step("Ingest: a batch of records through the REST API, and the same batch again")
    check.ingested(outputs, steps.ingest(config, STATE), steps.ingest(config, STATE))
    _back_up_and_restore(config, outputs)
    _deliver(outputs)
    return report


def _migrate(config: Config, outputs: Outputs, data: steps.Data) -> MigrationOutput:
    show.step("Migrate: CSVs in S3 to PostgreSQL, through the state machine")
    report = steps.migrate(config, data.folder)
    show.step("Check against the database")
    check.reconciled(outputs, report, data)
    show.step("Migrate again: all rows must stay unchanged")
    check.unchanged(outputs, report, steps.migrate(config, data.folder))
    return report


def _back_up_and_restore(config: Config, outputs: Outputs) -> None:
    show.step("Back up: all tables of one instant to Parquet, read back and compared")
    backup = steps.back_up(config)
    before = check.content(outputs, steps.DAMAGED)
    show.step("Damage, and restore")
    lost = steps.damage(outputs)
    damaged = check.content(outputs, steps.DAMAGED)
    restored = steps.restore(config, backup.backup_id)
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
        "--data",
        type=Path,
        help="folder of files: Olist CSVs with the names on Kaggle, or any other tables (default: generated)",
    )
    parser.add_argument("--orders", type=int, default=3000, help="number of generated orders (default 3000)")
    parser.add_argument(
        "--dirty", type=float, default=0.01, help="share of invalid rows, from 0 to 1 (default 0.01)"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=7,
        help="seed of the generator; the same seed gives the same files (default 7)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
