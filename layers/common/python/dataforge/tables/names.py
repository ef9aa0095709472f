"""Names of datasets, tables and columns that PostgreSQL, S3 and Athena allow."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

IDENTIFIER_BYTES = 63
"""PostgreSQL truncates longer names without an error."""

_NAME = re.compile(r"[^\W\d](?:[\w$§ -]*[\w$§])?")
_DATASET = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SYSTEM_COLUMNS = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}
_TAKEN_DATASETS = re.compile(r"dataforge.*|public|information_schema|pg_.*|shadow_.*")


def refuse_name(what: str, name: str) -> None:
    """Refuse a name that PostgreSQL truncates or reserves, or that no object in S3 can have. ``what``: "the table"."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{what} {name!r} must begin with a letter or an underscore, and have letters, digits, underscores, $, § "
            "and single characters such as blanks and hyphens between them only; rename it"
        )
    if len(name.encode()) > IDENTIFIER_BYTES:
        raise ValueError(
            f"{what} {name!r} has {len(name.encode())} bytes, and a name in PostgreSQL at most {IDENTIFIER_BYTES}; "
            "rename it"
        )
    if name in _SYSTEM_COLUMNS:
        raise ValueError(f"{what} {name!r} has the name of a PostgreSQL system column; rename it")


def fitted(name: str, end: str = "") -> str:
    """The name and ``end``. Beyond 63 bytes, a digest replaces a part: PostgreSQL cuts names, and two could be equal."""
    whole = (name + end).encode()
    if len(whole) <= IDENTIFIER_BYTES:
        return name + end
    end = f"_{hashlib.sha256(whole).hexdigest()[:8]}{end}"
    return whole[: IDENTIFIER_BYTES - len(end)].decode(errors="ignore") + end


def internal_name(purpose: str, table: str) -> str:
    """The name of a table of intermediate results. It begins with a character with which no declared table begins."""
    return fitted(f"~{purpose} {table}")


def refuse_dataset_name(name: str) -> None:
    """Refuse a dataset whose name is not a valid schema name, or is the name of another schema."""
    if not _DATASET.fullmatch(name):
        raise ValueError(
            f"the dataset {name!r} must begin with a letter and have ASCII letters, digits and underscores only, because "
            "metrics, schedules and alarms have its name; rename its module"
        )
    refuse_name("the dataset", name)
    if _TAKEN_DATASETS.fullmatch(name.lower()):
        raise ValueError(f"the dataset {name!r} has the name of a reserved schema; rename its module")


def refuse_alike(what: str, names: Iterable[str]) -> None:
    """Refuse names that differ in case only: Athena's catalogue and some file systems ignore case."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise ValueError(
                f"the {what} {other} and {name} differ in case only, which Athena ignores; rename one of them"
            )
