"""Load the datasets. Each module of the package ``datasets`` declares one, without registration."""

from __future__ import annotations

import os
import pkgutil
import traceback
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

from dataforge.errors import InvalidDeclaration, UnknownDataset
from dataforge.tables.catalogue import Dataset
from dataforge.tables.mistakes import explain
from dataforge.tables.modules import located, read_dataset
from dataforge.tables.names import refuse_alike

PACKAGE = "datasets"
DEFAULT = "olist"
FURTHER_FOLDER = "DATAFORGE_DATASETS"
"""The environment variable that names a further folder of modules. They precede those of the package."""


def add_folder(folder: str | Path, package: str = PACKAGE) -> None:
    """Find the modules of a further folder in the package, before its own."""
    folders = import_module(package).__path__
    if str(folder) not in folders:
        folders.insert(0, str(folder))


def remove_folder(folder: str | Path, package: str = PACKAGE) -> None:
    """Undo ``add_folder``."""
    import_module(package).__path__.remove(str(folder))


def find_modules(package: str = PACKAGE) -> Iterator[str]:
    """Names of the modules in the package, sorted. Names that begin with an underscore are not datasets."""
    folders = import_module(package).__path__
    return (module.name for module in pkgutil.iter_modules(folders) if not module.name.startswith("_"))


def folder(package: str = PACKAGE) -> Path:
    """The folder in which a new module of the package is found."""
    return folders(package)[0]


def folders(package: str = PACKAGE) -> tuple[Path, ...]:
    """The folders of the package's modules. Of two modules of one name, the first is found."""
    return tuple(map(Path, import_module(package).__path__))


def load(names: Iterable[str], package: str = PACKAGE) -> dict[str, Dataset]:
    """The datasets, indexed by their names. Raises ``InvalidDeclaration`` for a module that is not a valid dataset."""
    datasets = [_read(f"{package}.{name}") for name in names]
    by_name = {dataset.name: dataset for dataset in datasets}
    with located("datasets"):
        refuse_alike("datasets", by_name)
    if len(by_name) != len(datasets):
        twice = sorted(name for name in by_name if [d.name for d in datasets].count(name) > 1)
        raise InvalidDeclaration(
            f"Two modules declare the dataset {', '.join(twice)}.", hint="Rename one of them."
        )
    return by_name


def _read(name: str) -> Dataset:
    try:
        return read_dataset(import_module(name))
    except InvalidDeclaration:
        raise
    except Exception as error:  # a user's module may raise any error
        raise InvalidDeclaration(_explain(name, error)) from error


def _explain(name: str, error: Exception) -> str:
    """The module, the line and the error, without the traceback."""
    what = explain(error)
    if isinstance(error, SyntaxError):
        return f"{Path(error.filename or name).name}, line {error.lineno}: {what}"
    file = name.rpartition(".")[2] + ".py"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).name == file]
    return f"{file}{f', line {lines[-1]}' if lines else ''}: {what}"


if further := os.environ.get(FURTHER_FOLDER):
    add_folder(further)
DATASETS: dict[str, Dataset] = load(find_modules())


def get_dataset(name: str) -> Dataset:
    """The dataset of this name. Raises ``UnknownDataset``."""
    try:
        return DATASETS[name]
    except KeyError:
        raise UnknownDataset(name, DATASETS) from None
