"""The datasets of the catalogue. Add a module here, and its name to ``_MODULES``, and it is one."""

from __future__ import annotations

from dataforge.catalogue import Dataset, read_dataset
from dataforge.datasets import olist, quotes
from dataforge.errors import UnknownDataset

_MODULES = (olist, quotes)

DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in map(read_dataset, _MODULES)}
DEFAULT = "olist"


def get_dataset(name: str) -> Dataset:
    """The dataset of this name. Raises ``UnknownDataset``."""
    try:
        return DATASETS[name]
    except KeyError:
        raise UnknownDataset(name, DATASETS) from None
