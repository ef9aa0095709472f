"""PostgreSQL roles: one owner without login, and one login per function with the privileges that it needs."""

from __future__ import annotations

from dataforge.postgres.sql import Sql

OWNER = Sql("dataforge_owner")
MIGRATE = Sql("dataforge_migrate")
LOAD = Sql("dataforge_load")
INGEST = Sql("dataforge_ingest")
DELIVER = Sql("dataforge_deliver")
EXPORT = Sql("dataforge_export")
BACKUP = Sql("dataforge_backup")
RESTORE = Sql("dataforge_restore")
REFILL = Sql("dataforge_refill")

FUNCTIONS = (MIGRATE, LOAD, INGEST, DELIVER, EXPORT, BACKUP, RESTORE, REFILL)
"""The roles that functions connect as."""

ANALYST = Sql("dataforge_analyst")
"""The role for people. It can read the tables of the datasets, but not the ledger, which contains rejected records."""

LOGINS = (*FUNCTIONS, ANALYST)

BECOME_OWNER = (MIGRATE, RESTORE)
"""The logins that may become the owner, to swap or rewrite whole tables."""

AUDITED = (MIGRATE, INGEST, DELIVER, EXPORT, BACKUP, RESTORE)
"""The logins whose operations are audited (see ``dataforge.audit.operations``)."""

RECORD_AUDIT = Sql("dataforge.record_audit(text, text, text, text, text, jsonb, text)")
"""The function by which they append to the audit, with the types that identify it."""

ROLE_SQL = (
    Sql("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE").format(OWNER, Sql(", ").join(BECOME_OWNER)),
    Sql("GRANT USAGE ON SCHEMA dataforge TO {}").format(Sql(", ").join(FUNCTIONS)),
    Sql("GRANT SELECT ON dataforge.migrations, dataforge.migration_files TO {}").format(LOAD),
    Sql(
        "GRANT SELECT, UPDATE (scan, tallies, result, error, cause, loaded_at) ON dataforge.migration_chunks TO {}"
    ).format(LOAD),
    Sql("GRANT INSERT ON dataforge.rejections TO {}").format(LOAD),
    Sql("GRANT SELECT, INSERT ON dataforge.rejections TO {}").format(INGEST),
    Sql("GRANT SELECT, INSERT, UPDATE ON dataforge.rejected_texts TO {}, {}").format(INGEST, LOAD),
    Sql("GRANT INSERT ON dataforge.quality_facts TO {}").format(INGEST),
    Sql("GRANT SELECT, INSERT, UPDATE, DELETE ON dataforge.batches TO {}").format(INGEST),
    Sql(
        "GRANT SELECT ON dataforge.migrations, dataforge.migration_tables, dataforge.quality_facts TO {}"
    ).format(DELIVER),
    Sql(
        "GRANT SELECT, INSERT, UPDATE ON dataforge.backups, dataforge.backup_parts, dataforge.backup_checks TO {}"
    ).format(BACKUP),
    Sql("GRANT DELETE ON dataforge.backups TO {}").format(BACKUP),
    Sql("GRANT SELECT, INSERT, DELETE ON dataforge.snapshots, dataforge.leases TO {}").format(BACKUP),
    Sql("GRANT SELECT, UPDATE (result, error, cause) ON dataforge.restore_pieces TO {}").format(REFILL),
    Sql("GRANT SELECT (created_at, ingest) ON dataforge.cursor_keys TO {}").format(INGEST),
    Sql("GRANT SELECT (created_at, deliver) ON dataforge.cursor_keys TO {}").format(DELIVER),
    # A run calls the function while it is the owner.
    Sql("GRANT EXECUTE ON FUNCTION {} TO {}").format(RECORD_AUDIT, Sql(", ").join((*AUDITED, OWNER))),
    Sql("GRANT SELECT ON dataforge.audit TO {}").format(DELIVER),
    Sql("GRANT SELECT ON dataforge.key_limits TO {}, {}").format(INGEST, DELIVER),
)
"""Grants on the schema ``dataforge``; each can be repeated. Everything else requires the owner (see ``BECOME_OWNER``)."""

_TABLE_GRANTS: dict[Sql, tuple[Sql, ...]] = {
    INGEST: (Sql("SELECT"), Sql("INSERT"), Sql("UPDATE")),
    DELIVER: (Sql("SELECT"),),
    EXPORT: (Sql("SELECT"),),
    BACKUP: (Sql("SELECT"),),
    ANALYST: (Sql("SELECT"),),
}


def table_grants() -> set[tuple[Sql, Sql]]:
    """Role and privilege of each grant on every table of a dataset. OWNER has all privileges."""
    return {(role, privilege) for role, privileges in _TABLE_GRANTS.items() for privilege in privileges}
