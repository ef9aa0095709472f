"""Write docs/rights.md, the rights of every PostgreSQL role, from the declared ones: ``python -m checks.rights``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from dataforge.postgres.roles import (
    ANALYST,
    BACKUP,
    DATABASE_GRANTS,
    DELIVER,
    EXPORT,
    GENERATE,
    INGEST,
    LEDGER_OWNER,
    LOAD,
    MEMBERSHIPS,
    MIGRATE,
    MIGRATION_RUN,
    OWNER,
    READERS,
    REFILL,
    RESTORE,
    RESTORE_RUN,
    ROLES,
    RUNS,
    table_grants,
)
from functions.schema.apply.steps import CALLED, SCHEMA
from functions.schema.declared_rights import GENERATING, on_functions, on_ledger, on_schema
from functions.schema.difference import LEDGER

PAGE = Path(__file__).resolve().parents[1] / "docs" / "rights.md"

_HEAD = f"""# Rights of PostgreSQL roles

This page lists every right of every role of Data Forge. All other rights are denied: a test compares this list with
the rights in effect on every object of PostgreSQL's catalogue, and another tries actions that are not on it.

This page is written by `python -m checks.rights`, and a test compares it with the declarations. `dataforge doctor`
reports rights that differ from it, and `dataforge doctor --repair` restores them.

- **No function can become an owner.** Only the master, as which the schema function signs in, may.
- **PUBLIC** has no right on the database, its schemas, tables and functions. Your own logins need `GRANT CONNECT` on
  the database ([connect.md](connect.md#further-logins)).
- **Shadows** are tables of a run in a schema of their own (`shadow_…`). The role of the run owns them, and the login
  that loads them may insert, or read and insert for a restore.
- **Functions** of the ledger and of `{SCHEMA}` have the rights of their owner (SECURITY DEFINER), and validate
  their arguments.
- Time limits of the logins are in [operations.md](operations.md#time-limits).

"""

_ORDER = ("SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES")
_PURPOSE: Mapping[str, str] = {
    OWNER: f"Owns the schemas and tables of the datasets, the schemas of shadows, and `{SCHEMA}`. Without login.",
    LEDGER_OWNER: f"Owns the ledger, the schema `{LEDGER}`. Without login.",
    MIGRATION_RUN: "The role of a migration's steps. Without login. Owns the shadows of migrations.",
    RESTORE_RUN: "The role of a restore's steps. Without login. Owns the shadows of restores.",
    MIGRATE: "Login of the steps of migrations.",
    LOAD: "Login of the workers that load files.",
    INGEST: "Login of the API for writing.",
    DELIVER: "Login of the API for reading.",
    EXPORT: "Login of exports.",
    BACKUP: "Login of backups. A verification restores a backup into temporary tables.",
    RESTORE: "Login of the steps of restores.",
    REFILL: "Login of the workers that load backups.",
    ANALYST: "Login of people, who read the tables of the datasets.",
}


def page() -> str:
    """The page's text."""
    return _HEAD + "\n".join(_section(role) for role in ROLES)


def _section(role: str) -> str:
    rights: dict[str, list[str]] = defaultdict(list)
    for place, privilege in _rights(role):
        rights[place].append(privilege)
    lines = [f"## `{role}`", "", _PURPOSE[role]]
    for sentence in _members(role):
        lines += ["", sentence]
    lines += ["", "| object | privileges |", "| --- | --- |"]
    lines += [f"| {place} | {', '.join(privileges)} |" for place, privileges in rights.items()]
    return "\n".join(lines) + "\n"


def _members(role: str) -> Iterator[str]:
    for (group, member), statement in MEMBERSHIPS.items():
        if member == role:
            always = "INHERIT TRUE" in statement
            yield (
                f"Has the rights of `{group}` too, a member of it."
                if always
                else f"Assumes `{group}` (`SET ROLE`), and has its rights only then."
            )


def _rights(role: str) -> Iterator[tuple[str, str]]:
    """Objects and privileges of the role."""
    yield from (("the database", privilege) for name, privilege in DATABASE_GRANTS if name == role)
    for schema in (LEDGER, SCHEMA):
        yield from ((f"schema `{schema}`", r.privilege) for r in on_schema(schema) if r.role == role)
    if role in READERS:
        yield "the schema of each dataset", "USAGE"
    granted = {privilege for name, privilege in table_grants() if name == role}
    yield from (("each table of a dataset", privilege) for privilege in sorted(granted, key=_ORDER.index))
    if role in GENERATE:
        yield from (("the sequence of an identity column", privilege) for privilege in GENERATING)
    rights = {right for right in on_ledger() if right.role == role}
    for right in sorted(rights, key=lambda r: (r.relation, _ORDER.index(r.privilege), r.column)):
        column = f" (`{right.column}`)" if right.column else ""
        yield f"`{right.where()}`", f"{right.privilege}{column}"
    yield from _functions(role)


def _functions(role: str) -> Iterator[tuple[str, str]]:
    if role in RUNS:
        yield from ((f"function `{SCHEMA}.{name}`", "EXECUTE") for name in CALLED)
    for function, name in sorted(on_functions()):
        if name == role and not function.startswith(f"{SCHEMA}."):
            yield f"function `{function.replace(',', ', ')}`", "EXECUTE"


if __name__ == "__main__":
    PAGE.write_text(page())
