"""A database with its master's connection, and catalogues that change."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from dataforge.tables.catalogue import Dataset
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database


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
