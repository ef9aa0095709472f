"""The dataset ``bags``: tables without a key, one that keeps copies and one whose identical rows are one row."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Annotated

from dataforge.postgres.roles import LOGINS
from dataforge.tables.catalogue import Dataset
from dataforge.tables.checks import Check
from dataforge.tables.columns import Double, Identity, Integer, Key, Label, References, Text, Timestamp
from dataforge.tables.datasets import DATASETS
from dataforge.tables.modules import read_dataset
from dataforge.tables.row import Row
from functions.schema.apply.apply import apply

if TYPE_CHECKING:
    import pytest

    from tests.postgres.conftest import Database


class Bird(Row, table="birds", file="birds.csv"):
    """A species."""

    bird: Annotated[Label, Key()]


class Sighting(Row, table="sightings", file="sightings.csv", checks=(Check("number", "<", value=1000),)):
    """A bird that was seen; two of a kind are two rows."""

    bird: Annotated[Label, References("birds")] | None = None
    number: Integer | None = None
    seen: Timestamp | None = None
    weight: Double | None = None
    note: Text | None = None


class Remark(Row, table="remarks", file="remarks.csv", distinct=True):
    """A remark, made once."""

    bird: Annotated[Label, References("birds")] | None = None
    weight: Double | None = None
    note: Text | None = None


class Ringing(Row, table="ringings", file="ringings.csv"):
    """A bird that was given a ring."""

    ring: Annotated[Integer, Key(), Identity()]
    bird: Annotated[Label, References("birds")]


def read_bags() -> Dataset:
    """The dataset."""
    module = ModuleType("bags")
    vars(module).update(Bird=Bird, Sighting=Sighting, Remark=Remark, Ringing=Ringing)
    return read_dataset(module)


def declare_bags(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Declare the dataset and create its tables."""
    bags = read_bags()
    monkeypatch.setitem(DATASETS, "bags", bags)
    apply(database.connect("master"), dict.fromkeys(LOGINS, "for the tests"), [bags])
