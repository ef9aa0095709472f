"""Reset a database after a test, which is much faster than the creation of a new one.

Changes other than to rows and to the schemas of runs would affect later tests. They are detected by a comparison of
the system catalogues with their state when the database was new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


LEFT_SCHEMAS = (
    "SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace WHERE nspname LIKE 'shadow\\_%'"
)
FILLED_TABLES = """
    SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ') || ' CASCADE' FROM pg_class
    WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' AND pg_relation_size(oid) > 0
        AND oid IS DISTINCT FROM to_regclass('dataforge.cursor_keys')
    HAVING count(*) > 0
"""
USED_SEQUENCES = """
    SELECT format('ALTER SEQUENCE %I.%I RESTART', schemaname, sequencename) FROM pg_sequences
    WHERE last_value IS NOT NULL
"""

COUNTED = (
    *(
        "pg_policy",
        "pg_publication",
        "pg_subscription",
        "pg_extension",
        "pg_event_trigger",
        "pg_statistic_ext",
    ),
    *("pg_largeobject_metadata", "pg_cast", "pg_operator", "pg_opclass", "pg_collation", "pg_conversion"),
    *("pg_foreign_data_wrapper", "pg_foreign_server", "pg_ts_config", "pg_transform"),
)


def _rights(column: str) -> str:
    """Sorted, because the order of grants is irrelevant and differs in a table that was swapped in."""
    return f"(SELECT string_agg(item::text, ',' ORDER BY item::text COLLATE \"C\") FROM unnest({column}) AS item)"


def _counts() -> str:
    """The numbers of objects that are rarely created."""
    of_catalogs = ", ".join(f"(SELECT count(*) FROM {name})" for name in COUNTED)
    prepared = "(SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database())"
    own = "(SELECT count(*) FROM pg_proc WHERE oid >= 16384 AND pronamespace = 'pg_catalog'::regnamespace)"
    return f"{of_catalogs}, {prepared}, {own}"


# Names instead of OIDs, which differ in a table that was swapped in. The built-in objects of PostgreSQL have OIDs
# below 16384.
STRUCTURE = f"""
    WITH ours AS (SELECT * FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|shadow_)'),
    relations AS (SELECT c.* FROM pg_class c JOIN ours ON ours.oid = relnamespace),
    lines (line) AS (
        SELECT ROW('schema', nspname, nspowner::regrole, {_rights("nspacl")})::text FROM ours
        UNION ALL
        SELECT ROW('relation', oid::regclass, relkind, relpersistence, relowner::regrole, relrowsecurity,
            relforcerowsecurity, relreplident, reloptions, reltablespace, {_rights("relacl")},
            pg_get_viewdef(CASE WHEN relkind IN ('v', 'm') THEN oid END))::text
        FROM relations
        UNION ALL
        SELECT ROW('column', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
            attidentity, attgenerated, attstattarget, attcollation, attcompression, attstorage, attoptions,
            {_rights("attacl")}, pg_get_expr(adbin, adrelid))::text
        FROM relations JOIN pg_attribute ON attrelid = relations.oid
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attnum > 0
        UNION ALL
        SELECT ROW('constraint', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid))::text
        FROM pg_constraint WHERE connamespace IN (SELECT oid FROM ours)
        UNION ALL
        SELECT ROW('index', pg_get_indexdef(indexrelid), indisvalid, indisready, indislive, indisclustered,
            indisreplident)::text
        FROM pg_index WHERE indexrelid IN (SELECT oid FROM relations)
        UNION ALL
        SELECT ROW('trigger', tgrelid::regclass, tgenabled, tgfoid::regproc,
            CASE WHEN NOT tgisinternal THEN pg_get_triggerdef(oid) END)::text
        FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM relations)
        UNION ALL
        SELECT ROW('rule', ev_enabled, pg_get_ruledef(oid))::text
        FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM relations)
        UNION ALL
        SELECT ROW('child', inhrelid::regclass, inhparent::regclass)::text FROM pg_inherits
        UNION ALL
        SELECT ROW('sequence', seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache,
            seqcycle)::text
        FROM pg_sequence WHERE seqrelid IN (SELECT oid FROM relations)
        UNION ALL
        SELECT ROW('type', oid::regtype, typtype, typowner::regrole, typnotnull, typdefault, {_rights("typacl")},
            (SELECT array_agg(enumlabel ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid))::text
        FROM pg_type t WHERE typnamespace IN (SELECT oid FROM ours)
        UNION ALL
        SELECT ROW('function', oid::regprocedure, proowner::regrole, {_rights("proacl")},
            pg_get_functiondef(CASE WHEN prokind <> 'a' THEN oid END))::text
        FROM pg_proc WHERE pronamespace IN (SELECT oid FROM ours)
        UNION ALL
        SELECT ROW('comment', identity, description)::text
        FROM pg_description, pg_identify_object(classoid, objoid, objsubid)
        WHERE objoid >= 16384 AND identity NOT LIKE '%shadow\\_%'
        UNION ALL
        SELECT ROW('default', defaclrole::regrole, defaclnamespace, defaclobjtype, {_rights("defaclacl")})::text
        FROM pg_default_acl
        UNION ALL
        SELECT ROW('setting', setrole::regrole, setconfig)::text FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION ALL
        SELECT ROW('database', datdba::regrole, datconnlimit, {_rights("datacl")})::text
        FROM pg_database WHERE datname = current_database()
        UNION ALL
        SELECT ROW('right', oid::regclass, {_rights("relacl")})::text FROM pg_class WHERE oid < 16384 AND relacl IS NOT NULL
        UNION ALL
        SELECT ROW('right', oid, {_rights("proacl")})::text FROM pg_proc WHERE oid < 16384 AND proacl IS NOT NULL
        UNION ALL
        SELECT ROW('right', lanname, {_rights("lanacl")})::text FROM pg_language
        UNION ALL
        SELECT ROW('others', {_counts()})::text
    )
    SELECT md5(string_agg(line, E'\\n' ORDER BY line COLLATE "C")) FROM lines
"""


def disconnect(cursor: Cursor) -> None:
    """End all other connections to the database, and wait for their ends."""
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    cursor.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {others}")


def structure(cursor: Cursor) -> str:
    """A hash of the database's content except rows and the schemas of runs."""
    cursor.execute(STRUCTURE)
    ((found,),) = cursor.fetchall()
    return str(found)


def empty(cursor: Cursor) -> None:
    """Delete the rows of all tables and the schemas of runs, and restart all sequences."""
    for question in (LEFT_SCHEMAS, FILLED_TABLES, USED_SEQUENCES):
        cursor.execute(question)
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
