"""The output of the demo, and the report that it stores."""

import time
from pathlib import Path
from urllib.parse import urlsplit

from dataforge.aws.clients import THIS_MACHINE, make_client
from dataforge.runs.results.migration import MigrationOutput
from dataforge.s3.keys import report_page_key
from local import aws
from local.outputs import Outputs


def step(title: str) -> None:
    """Print a heading."""
    print(f"\n== {title}", flush=True)


def line(text: str) -> None:
    """Print a line of detail."""
    print(f"   {text}", flush=True)


def took(begun: float) -> None:
    """Print the seconds since ``begun`` (of time.monotonic)."""
    line(f"{time.monotonic() - begun:.0f} seconds so far")


def save_report(outputs: Outputs, output: MigrationOutput, folder: Path) -> Path:
    """Download report.html, which is deleted with the cloud. Returns its path."""
    uri = urlsplit(output.report)
    s3 = make_client("s3", THIS_MACHINE, aws.access(outputs))
    page = folder / "report.html"
    s3.download_file(uri.netloc, report_page_key(output.migration_id), str(page))
    return page
