"""Write the module of a dataset, so that a failure at any moment leaves the folder of modules as it was."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
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
    """The dataset of a new module, which declares the files of a folder. The module is written after the block.

    Until then it is in a temporary folder, which precedes the others here and in processes that this one starts: a module
    that cannot be loaded would fail every other command, and the end of this process at any moment changes nothing.
    """
    from dataforge.tables.datasets import DATASETS  # noqa: PLC0415

    before = DATASETS.get(module.stem)
    try:
        with TemporaryDirectory(prefix="dataforge-") as drafts, _further_folder(drafts):
            (Path(drafts) / module.name).write_text(text, encoding="utf-8")
            yield _load(module.stem, folder)
            _place(module, text.encode())
    except BaseException:
        DATASETS.pop(module.stem, None)
        if before is not None:
            DATASETS[module.stem] = before
        raise
    finally:
        sys.modules.pop(f"datasets.{module.stem}", None)


@contextmanager
def _further_folder(folder: str) -> Iterator[None]:
    """Find the modules of the folder before all others."""
    from dataforge.tables.datasets import FURTHER_FOLDER, add_folder, remove_folder  # noqa: PLC0415

    outer = os.environ.get(FURTHER_FOLDER)
    add_folder(folder)
    os.environ[FURTHER_FOLDER] = folder
    try:
        yield
    finally:
        remove_folder(folder)
        os.environ.pop(FURTHER_FOLDER)
        if outer is not None:
            os.environ[FURTHER_FOLDER] = outer


def _load(name: str, folder: str) -> Dataset:
    from dataforge.tables.datasets import DATASETS, load  # noqa: PLC0415

    importlib.invalidate_caches()
    sys.modules.pop(f"datasets.{name}", None)
    try:
        DATASETS.update(load([name]))
    except InvalidDeclaration as error:
        raise CannotDeclare(folder, error.message) from None
    return DATASETS[name]


def _place(module: Path, source: bytes) -> None:
    part = module.with_suffix(".part")
    try:
        part.write_bytes(source)
        part.replace(module)
    finally:
        part.unlink(missing_ok=True)
