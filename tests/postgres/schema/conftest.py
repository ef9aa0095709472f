"""A database with its master's connection, and catalogues that change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database


_EXAMINED = ("olist", "quotes")


@pytest.fixture(scope="module", autouse=True)
def examined() -> Iterator[None]:
    """Leave two datasets in the catalogue: each further one only multiplies the statements of these tests."""
    all_datasets = dict(DATASETS)
    for name in all_datasets.keys() - _EXAMINED:
        del DATASETS[name]
    yield
    DATASETS.clear()
    DATASETS.update(all_datasets)


@pytest.fixture
def master(database: Database) -> Connection:
    """The master's connection to a database with the catalogue applied."""
    return database.connect("master")


@pytest.fixture(scope="session")
def shop() -> Callable[..., Dataset]:
    """Return a function that creates the dataset ``shop`` from row models."""

    def make(*models: type[Row]) -> Dataset:
        module = ModuleType("shop")
        vars(module).update({model.__name__: model for model in models})
        return read_dataset(module)

    return make
