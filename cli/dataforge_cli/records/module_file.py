"""Write the module of a dataset, so that a failure leaves the folder of modules as it was."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dataforge.errors import InvalidDeclaration
from dataforge_cli.errors import CommandError

if TYPE_CHECKING:
    from dataforge.tables.catalogue import Dataset


class CannotDeclare(CommandError):
    """The drafted module cannot be loaded: a file or a column has a name or form that no declaration takes."""

    code = "CannotDeclare"
    hint = "Rename the file or the column that is named, or leave the file out with --ignore."

    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(f"The files of {folder} cannot be declared: {reason}", "Nothing was written.")


@contextmanager
def written_module(module: Path, folder: str, text: str) -> Iterator[Dataset]:
    """The dataset of the written module, which declares the files of a folder.

    After an error in the block, the folder of modules is as before: a module that cannot be loaded would fail every other
    command.
    """
    from dataforge.tables.datasets import DATASETS  # noqa: PLC0415

    before = module.read_bytes() if module.exists() else None
    try:
        _replace(module, text.encode())
        yield _load(module.stem, folder)
    except BaseException:
        DATASETS.pop(module.stem, None)
        if before is None:
            module.unlink(missing_ok=True)
        else:
            _replace(module, before)
        raise


def _load(name: str, folder: str) -> Dataset:
    from dataforge.tables.datasets import DATASETS, load  # noqa: PLC0415

    importlib.invalidate_caches()
    sys.modules.pop(f"datasets.{name}", None)
    try:
        DATASETS.update(load([name]))
    except InvalidDeclaration as error:
        raise CannotDeclare(folder, error.message) from None
    return DATASETS[name]


def _replace(module: Path, source: bytes) -> None:
    part = module.with_suffix(".part")
    try:
        part.write_bytes(source)
        part.replace(module)
    finally:
        part.unlink(missing_ok=True)
