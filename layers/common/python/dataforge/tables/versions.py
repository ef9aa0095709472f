"""Versions of datasets: whether a deployment has the declaration of this clone."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from dataforge.tables.datasets import PACKAGE, find_modules

_DIGITS = 12


def module_versions(package: str = PACKAGE) -> dict[str, str]:
    """The version of each dataset: a hash of its code, and of the private modules that datasets may import.

    Comments and layout do not change it.
    """
    shared = "".join(_code(path) for path in _private(package))
    return {
        name: _hash(shared + "".join(map(_code, _sources(package, name)))) for name in find_modules(package)
    }


def as_text(versions: dict[str, str]) -> str:
    """The versions as one text, for an output of the stack."""
    return json.dumps(versions, separators=(",", ":"), sort_keys=True)


def from_text(text: str) -> dict[str, str]:
    """The versions of such a text. Raises ``ValueError``."""
    found: dict[str, str] = json.loads(text)
    return found


def _private(package: str) -> Iterator[Path]:
    for folder in import_module(package).__path__:
        yield from sorted(path for path in Path(folder).glob("_*.py") if path.name != "__init__.py")


def _sources(package: str, name: str) -> Iterator[Path]:
    """The files of a dataset, whose module may be a package."""
    spec = find_spec(f"{package}.{name}")
    if spec is None or spec.origin is None:
        return
    yield Path(spec.origin)
    for folder in spec.submodule_search_locations or ():
        yield from sorted(path for path in Path(folder).rglob("*.py") if str(path) != spec.origin)


def _code(path: Path) -> str:
    return ast.unparse(ast.parse(path.read_bytes()))


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()[:_DIGITS]
