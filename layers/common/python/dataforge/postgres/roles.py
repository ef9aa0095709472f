"""PostgreSQL's roles: one owner that nobody logs in as, and one login per function with only the rights it needs."""

from __future__ import annotations

OWNER = "dataforge_owner"
MIGRATE = "dataforge_migrate"
LOAD = "dataforge_load"
INGEST = "dataforge_ingest"
DELIVER = "dataforge_deliver"
EXPORT = "dataforge_export"
BACKUP = "dataforge_backup"
RESTORE = "dataforge_restore"
REFILL = "dataforge_refill"

FUNCTIONS = (MIGRATE, LOAD, INGEST, DELIVER, EXPORT, BACKUP, RESTORE, REFILL)
"""The roles that functions connect as."""

ANALYST = "dataforge_analyst"
"""The role that people connect as. It reads the tables of the datasets, and not the ledger, which holds rejected records."""

LOGINS = (*FUNCTIONS, ANALYST)

BECOME_OWNER = (MIGRATE, RESTORE)
"""The logins that may become the owner, for what exchanges or rewrites whole tables."""

ROLE_SQL = (
    f"GRANT {OWNER} TO {', '.join(BECOME_OWNER)} WITH INHERIT FALSE, SET TRUE",
    f"GRANT USAGE ON SCHEMA dataforge TO {', '.join(FUNCTIONS)}",
    f"GRANT SELECT ON dataforge.migrations, dataforge.migration_files TO {LOAD}",
    f"GRANT SELECT, UPDATE (scan, tallies, result, error, cause, loaded_at) ON dataforge.migration_chunks TO {LOAD}",
    f"GRANT INSERT ON dataforge.rejections TO {LOAD}",
    f"GRANT SELECT, INSERT ON dataforge.rejections TO {INGEST}",
    f"GRANT INSERT ON dataforge.quality_facts TO {INGEST}",
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON dataforge.batches TO {INGEST}",
    f"GRANT SELECT ON dataforge.migrations, dataforge.migration_tables, dataforge.quality_facts TO {DELIVER}",
    f"GRANT SELECT, INSERT, UPDATE ON dataforge.backups, dataforge.backup_parts, dataforge.backup_checks TO {BACKUP}",
    f"GRANT DELETE ON dataforge.backups TO {BACKUP}",
    f"GRANT SELECT, INSERT, DELETE ON dataforge.snapshots, dataforge.leases TO {BACKUP}",
    f"GRANT SELECT, UPDATE (result, error, cause) ON dataforge.restore_pieces TO {REFILL}",
)
"""Grants on the schema ``dataforge``; each can be repeated. Everything else is the owner's (see ``BECOME_OWNER``)."""

_TABLE_GRANTS: dict[str, tuple[str, ...]] = {
    INGEST: ("SELECT", "INSERT", "UPDATE"),
    DELIVER: ("SELECT",),
    EXPORT: ("SELECT",),
    BACKUP: ("SELECT",),
    ANALYST: ("SELECT",),
}


def table_grants() -> set[str]:
    """The rights on every table of a dataset, as "role PRIVILEGE". The owner has all, through OWNER."""
    return {f"{role} {privilege}" for role, privileges in _TABLE_GRANTS.items() for privilege in privileges}
