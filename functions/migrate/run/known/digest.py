"""Compute a digest of all that decides, beside the files, which rows a run has."""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import dataforge
import functions
from dataforge.postgres import ddl
from dataforge.tables.datasets import PACKAGE as DATASETS_PACKAGE
from functions.migrate.run.migration import Run

if TYPE_CHECKING:
    from types import ModuleType


_ADDRESS = re.compile(" at 0x[0-9a-f]+")
"""The part of a representation that differs from process to process."""


OF_PAGES = ("jinja2-", "markupsafe-")
"""The libraries that only the function with the steps has, to render reports."""


def digest_of(run: Run) -> str:
    """The digest of the code, of the dataset's declaration, and of the tables and ignored files of the run.

    Of the whole run: a deployment of another declaration deploys other code, too.
    """
    dataset = run.dataset
    parts = (dataset, dataset.tables, dataset.sources, run.tables, sorted(run.ignore))
    declared = _ADDRESS.sub("", repr(parts))
    texts = (code_digest(), ddl.fingerprint([dataset]), declared)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


@functools.cache
def code_digest() -> str:
    """A digest of the code that reads files, and of the libraries' versions. It is the same in both functions."""
    digest = hashlib.sha256(sys.version.encode())
    # The folders of metadata, whose names have the libraries' versions.
    libraries = {folder.name for path in sys.path for folder in Path(path).glob("*.dist-info")}
    readers = sorted(name for name in libraries if not name.lower().startswith(OF_PAGES))
    digest.update("\n".join(readers).encode())
    for folder in (
        *_folders(dataforge),
        *_folders(import_module(DATASETS_PACKAGE)),
        *_folders(functions, "migrate"),
    ):
        for path in sorted(folder.rglob("*.py")):
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _folders(package: ModuleType, inside: str = "") -> list[Path]:
    return [Path(path, inside) for path in package.__path__]
