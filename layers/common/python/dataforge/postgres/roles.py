"""PostgreSQL roles: owners without login, a login per function, and the roles that the logins of runs assume.

No function's login is a member of an owner; only the master is, as which the schema applier connects. A step that needs
an owner calls a function of the schema ``dataforge_steps`` (``functions.schema.apply.steps``).
"""

from __future__ import annotations

from collections.abc import Mapping

from dataforge.postgres.sql import Sql

OWNER = Sql("dataforge_owner")
"""Owns the schemas and tables of the datasets, the schemas of shadows, and ``dataforge_steps``."""
LEDGER_OWNER = Sql("dataforge_ledger_owner")
"""Owns the ledger, the schema ``dataforge``."""
OWNERS = (OWNER, LEDGER_OWNER)

MIGRATION_RUN = Sql("dataforge_migration_run")
RESTORE_RUN = Sql("dataforge_restore_run")
RUNS = (MIGRATION_RUN, RESTORE_RUN)
"""Roles without login that own the shadows of runs. The owner of the datasets is a member, to take over a shadow."""

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

RUN_OF: Mapping[str, Sql] = {MIGRATE: MIGRATION_RUN, RESTORE: RESTORE_RUN}
"""The role that a login assumes for the transactions of a run."""

GROUPS = (*OWNERS, *RUNS)
"""The roles without login."""
ROLES = (*GROUPS, *LOGINS)

_ASSUME = Sql("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE")
_INHERIT = Sql("GRANT {} TO {} WITH INHERIT TRUE, SET TRUE")
MEMBERSHIPS: Mapping[tuple[str, str], Sql] = {
    (MIGRATION_RUN, MIGRATE): _ASSUME.format(MIGRATION_RUN, MIGRATE),
    (RESTORE_RUN, RESTORE): _ASSUME.format(RESTORE_RUN, RESTORE),
    (MIGRATION_RUN, OWNER): _INHERIT.format(MIGRATION_RUN, OWNER),
    (RESTORE_RUN, OWNER): _INHERIT.format(RESTORE_RUN, OWNER),
}
"""The statement for each role and its member. The master is a member of both owners."""

FORMER_MEMBERSHIPS = {(OWNER, MIGRATE), (OWNER, RESTORE)}
FORMER_GRANTS = {(BACKUP, "leases"), (MIGRATION_RUN, "rejections")}
"""Memberships and grants of earlier versions, whose functions need them until a deployment has replaced them."""

AUDITED = (MIGRATE, INGEST, DELIVER, EXPORT, BACKUP, RESTORE)
"""The logins whose operations are audited (see ``dataforge.audit.operations``)."""

RECORD_AUDIT = Sql("dataforge.record_audit(text, text, text, text, text, jsonb, text)")
"""The function by which they append to the audit, with the types that identify it."""

MARK_REPLAYED = Sql("dataforge.mark_replayed(text, bigint[])")
DELETE_SUPERSEDED = Sql("dataforge.delete_superseded(bigint[])")
"""The functions by which a replay closes rejections (``dataforge.runs.replay_functions``)."""

SUM_QUALITY = Sql("dataforge.sum_quality_facts()")
"""The function that sums quality facts by day (``dataforge.runs.quality_sums``)."""

ROLE_SQL = (
    Sql("GRANT USAGE ON SCHEMA dataforge TO {}").format(Sql(", ").join(FUNCTIONS)),
    Sql("GRANT SELECT ON dataforge.migrations, dataforge.migration_files TO {}").format(LOAD),
    Sql(
        "GRANT SELECT, UPDATE (scan, tallies, result, error, cause, loaded_at) ON dataforge.migration_chunks TO {}"
    ).format(LOAD),
    Sql("GRANT INSERT ON dataforge.rejections TO {}").format(LOAD),
    Sql("GRANT SELECT, INSERT ON dataforge.rejections TO {}").format(INGEST),
    Sql("GRANT SELECT, INSERT, UPDATE ON dataforge.rejected_texts TO {}, {}, {}").format(
        INGEST, LOAD, MIGRATION_RUN
    ),
    Sql("GRANT INSERT ON dataforge.quality_facts TO {}").format(INGEST),
    Sql("GRANT SELECT, INSERT, UPDATE, DELETE ON dataforge.batches TO {}").format(INGEST),
    Sql(
        "GRANT SELECT ON dataforge.migrations, dataforge.migration_tables, dataforge.quality_facts,"
        " dataforge.quality_sums, dataforge.quality_summed TO {}"
    ).format(DELIVER),
    Sql("GRANT EXECUTE ON FUNCTION {} TO {}").format(SUM_QUALITY, DELIVER),
    Sql(
        "GRANT SELECT, INSERT, UPDATE ON dataforge.backups, dataforge.backup_parts, dataforge.backup_checks TO {}"
    ).format(BACKUP),
    Sql("GRANT DELETE ON dataforge.backups TO {}").format(BACKUP),
    Sql(
        "GRANT SELECT (run_id, backup_id, dataset, manifest_version, manifest_sha256, signed_at) ON dataforge.backups TO {}"
    ).format(EXPORT),
    Sql("GRANT SELECT, INSERT, DELETE ON dataforge.snapshots TO {}").format(BACKUP),
    Sql("GRANT SELECT, INSERT, UPDATE, DELETE ON dataforge.backup_leases TO {}").format(BACKUP),
    Sql("GRANT SELECT, UPDATE (result, error, cause) ON dataforge.restore_pieces TO {}").format(REFILL),
    Sql("GRANT SELECT (created_at, ingest) ON dataforge.cursor_keys TO {}").format(INGEST),
    Sql("GRANT SELECT (created_at, deliver) ON dataforge.cursor_keys TO {}").format(DELIVER),
    # A run calls the function while it has assumed its role.
    Sql("GRANT EXECUTE ON FUNCTION {} TO {}").format(RECORD_AUDIT, Sql(", ").join((*AUDITED, *RUNS))),
    Sql("GRANT SELECT ON dataforge.audit TO {}").format(DELIVER),
    Sql("GRANT SELECT ON dataforge.key_limits TO {}, {}").format(INGEST, DELIVER),
    Sql("GRANT USAGE ON SCHEMA dataforge TO {}").format(Sql(", ").join((OWNER, *RUNS))),
    Sql("GRANT SELECT, INSERT, UPDATE ON dataforge.migrations TO {}").format(MIGRATION_RUN),
    Sql(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON dataforge.migration_chunks, dataforge.migration_tables TO {}"
    ).format(MIGRATION_RUN),
    Sql("GRANT SELECT, INSERT, DELETE ON dataforge.migration_files TO {}").format(MIGRATION_RUN),
    Sql("GRANT SELECT, INSERT, DELETE ON dataforge.known_runs TO {}").format(MIGRATION_RUN),
    Sql("GRANT SELECT, INSERT ON dataforge.migration_steps TO {}").format(MIGRATION_RUN),
    Sql("GRANT INSERT ON dataforge.quality_facts TO {}").format(MIGRATION_RUN),
    Sql("GRANT SELECT, INSERT ON dataforge.rejections TO {}").format(MIGRATION_RUN),
    Sql("GRANT EXECUTE ON FUNCTION {}, {} TO {}").format(MARK_REPLAYED, DELETE_SUPERSEDED, MIGRATION_RUN),
    Sql("GRANT SELECT, INSERT, UPDATE ON dataforge.restores TO {}").format(RESTORE_RUN),
    Sql(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON dataforge.restore_tables, dataforge.restore_pieces TO {}"
    ).format(RESTORE_RUN),
    Sql("GRANT SELECT, INSERT, UPDATE, DELETE ON dataforge.write_leases TO {}").format(Sql(", ").join(RUNS)),
    Sql("GRANT SELECT, INSERT, UPDATE, DELETE ON dataforge.migration_work TO {}").format(MIGRATION_RUN),
    Sql("GRANT SELECT, INSERT, UPDATE, DELETE ON dataforge.restore_work TO {}").format(RESTORE_RUN),
    Sql("GRANT SELECT ON dataforge.leases, dataforge.migrations, dataforge.restores TO {}").format(OWNER),
    Sql(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON dataforge.schema_changes, dataforge.schema_objects,"
        " dataforge.schema_renames, dataforge.schema_plans TO {}"
    ).format(OWNER),
    # A renamed table takes its facts and rejections along.
    Sql(
        'GRANT SELECT (dataset, "table"), UPDATE ("table") ON'
        " dataforge.migration_tables, dataforge.quality_facts, dataforge.quality_sums, dataforge.rejections TO {}"
    ).format(OWNER),
)
"""Grants on the schema ``dataforge``; each can be repeated. Everything else requires its owner."""

DATABASE_GRANTS = (
    *((role, Sql("CREATE")) for role in OWNERS),
    *((role, Sql("CONNECT")) for role in (*OWNERS, *LOGINS)),
    (BACKUP, Sql("TEMPORARY")),
)
"""Role and privilege of each grant on the database. A verification of a backup creates temporary tables."""

_TABLE_GRANTS: dict[Sql, tuple[Sql, ...]] = {
    INGEST: (Sql("SELECT"), Sql("INSERT"), Sql("UPDATE")),
    DELIVER: (Sql("SELECT"),),
    EXPORT: (Sql("SELECT"),),
    BACKUP: (Sql("SELECT"),),
    ANALYST: (Sql("SELECT"),),
    MIGRATION_RUN: (Sql("SELECT"), Sql("INSERT"), Sql("UPDATE"), Sql("REFERENCES")),
    RESTORE_RUN: (Sql("SELECT"), Sql("INSERT"), Sql("UPDATE"), Sql("DELETE"), Sql("REFERENCES")),
}

GENERATE = (INGEST, *RUNS)
"""The roles that generate values of identity columns, or advance their sequences."""
READERS = (*LOGINS, *RUNS)
"""The roles that may use the schemas of the datasets."""


def table_grants() -> set[tuple[Sql, Sql]]:
    """Role and privilege of each grant on every table of a dataset. OWNER has all privileges."""
    return {(role, privilege) for role, privileges in _TABLE_GRANTS.items() for privilege in privileges}
