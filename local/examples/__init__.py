"""Files of the example datasets: the same bytes for each call, small, with the peculiarities that each dataset shows."""

from collections.abc import Mapping
from pathlib import Path

from local.examples import company, invoices, transit

FILES: Mapping[str, Mapping[str, bytes]] = {
    "company": company.files(),
    "invoices": invoices.files(),
    "transit": transit.files(),
}
"""By dataset and file name: the content."""


def write(out: Path) -> list[Path]:
    """Write a folder for each dataset; return the folders."""
    for dataset, files in FILES.items():
        (out / dataset).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (out / dataset / name).write_bytes(content)
    return [out / dataset for dataset in FILES]
