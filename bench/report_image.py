"""Draw docs/images/report.png: the report of a real migration of generated files, in process, as Chromium shows it.

`python -m bench.report_image`. Needs Chromium and no cloud; PostgreSQL is started for it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.folder_store import FolderStore
from bench.migration import in_process
from bench.server import server
from local.config import ROOT
from local.generate import generate

IMAGE = ROOT / "docs" / "images" / "report.png"
WIDTH, HEIGHT = 1000, 1240
MAX_BYTES = 200_000
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1")


def main() -> int:
    """Exit status 0: the image is written. 1: Chromium is missing, or the image is too large for the repository."""
    parser = argparse.ArgumentParser(prog="python -m bench.report_image", description=__doc__)
    parser.add_argument(
        "--orders", type=int, default=20_000, help="size of the generated dataset (default 20000)"
    )
    parser.add_argument("--dirty", type=float, default=0.01, help="share of invalid records (default 0.01)")
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is not installed.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="dataforge-report-") as folder:
        page = Path(folder) / "report.html"
        page.write_bytes(report_page(Path(folder) / "olist", options.orders, options.dirty))
        IMAGE.parent.mkdir(exist_ok=True)
        size = f"--window-size={WIDTH},{HEIGHT}"
        profile = f"--user-data-dir={folder}/profile"
        command = [chromium, *FLAGS, size, profile, f"--screenshot={IMAGE}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    print(f"{IMAGE.relative_to(ROOT)}: {IMAGE.stat().st_size:,} bytes")
    return 0 if IMAGE.stat().st_size < MAX_BYTES else 1


def report_page(folder: Path, orders: int, dirty: float) -> bytes:
    """report.html of a migration of generated files."""
    generate(folder, orders=orders, seed=7, dirty=dirty)
    store = FolderStore(folder, in_process.PREFIX)
    with server() as running:
        running.create("report")
        with in_process.workers(running, "report", folder) as pool:
            in_process.migrate(running, "report", folder, pool, store=store)
    (page,) = [body for key, body in store.written.items() if key.endswith("report.html")]
    return page


if __name__ == "__main__":
    sys.exit(main())
