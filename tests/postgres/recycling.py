"""A database that a test has used, made as good as new: that takes a fraction of the time of a new one.

What a test did to more than rows and the runs' own schemas would show in others. It is found by comparing what the system
catalogues say with what they said when the database was new.
"""

from __future__ import annotations

from psycopg2.extensions import cursor

LEFT_SCHEMAS = (
    "SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace WHERE nspname LIKE 'shadow\\_%'"
)
FILLED_TABLES = """
    SELECT 'TRUNCATE ' || string_agg(oid::regclass::text, ', ') || ' CASCADE' FROM pg_class
    WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' AND pg_relation_size(oid) > 0
    HAVING count(*) > 0
"""
USED_SEQUENCES = """
    SELECT format('ALTER SEQUENCE %I.%I RESTART', schemaname, sequencename) FROM pg_sequences
    WHERE last_value IS NOT NULL
"""


def _rights(column: str) -> str:
    """Sorted: the order in which they were granted means nothing, and a table that was swapped in has another."""
    return f"(SELECT string_agg(item::text, ',' ORDER BY item::text COLLATE \"C\") FROM unnest({column}) AS item)"


# Names, not numbers: a table that was swapped in is another one, and the same.
STRUCTURE = f"""
    WITH ours AS (SELECT * FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|shadow_)'),
    relations AS (SELECT c.* FROM pg_class c JOIN ours ON ours.oid = relnamespace),
    lines (line) AS (
        SELECT concat_ws(' ', 'schema', nspname, nspowner::regrole, {_rights("nspacl")}) FROM ours
        UNION ALL
        SELECT concat_ws(' ', 'relation', oid::regclass, relkind, relpersistence, relowner::regrole, relrowsecurity,
            relreplident, reloptions, reltablespace, {_rights("relacl")},
            pg_get_viewdef(CASE WHEN relkind IN ('v', 'm') THEN oid END))
        FROM relations
        UNION ALL
        SELECT concat_ws(' ', 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
            attidentity, attgenerated, attstattarget, attcollation, attcompression, attstorage, attoptions,
            {_rights("attacl")}, pg_get_expr(adbin, adrelid))
        FROM relations JOIN pg_attribute ON attrelid = relations.oid
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attnum > 0
        UNION ALL
        SELECT concat_ws(' ', 'constraint', conrelid::regclass, conname, convalidated, conenforced,
            pg_get_constraintdef(oid))
        FROM pg_constraint WHERE connamespace IN (SELECT oid FROM ours)
        UNION ALL
        SELECT concat_ws(' ', 'index', pg_get_indexdef(indexrelid), indisvalid, indisready, indislive, indisclustered,
            indisreplident)
        FROM pg_index WHERE indexrelid IN (SELECT oid FROM relations)
        UNION ALL
        SELECT concat_ws(' ', 'trigger', tgrelid::regclass, tgenabled, tgfoid::regproc,
            CASE WHEN NOT tgisinternal THEN pg_get_triggerdef(oid) END)
        FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM relations)
        UNION ALL
        SELECT concat_ws(' ', 'function', oid::regprocedure, proowner::regrole, md5(prosrc), {_rights("proacl")})
        FROM pg_proc WHERE pronamespace IN (SELECT oid FROM ours)
        UNION ALL
        SELECT concat_ws(' ', 'default', defaclrole::regrole, defaclnamespace, defaclobjtype, {_rights("defaclacl")})
        FROM pg_default_acl
        UNION ALL
        SELECT concat_ws(' ', 'setting', setrole::regrole, setconfig) FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION ALL
        SELECT concat_ws(' ', 'database', datdba::regrole, datconnlimit, {_rights("datacl")})
        FROM pg_database WHERE datname = current_database()
        UNION ALL
        SELECT concat_ws(' ', 'others', (SELECT count(*) FROM pg_policy), (SELECT count(*) FROM pg_publication),
            (SELECT count(*) FROM pg_extension), (SELECT count(*) FROM pg_event_trigger),
            (SELECT count(*) FROM pg_statistic_ext), (SELECT count(*) FROM pg_largeobject_metadata))
    )
    SELECT md5(string_agg(line, E'\\n' ORDER BY line COLLATE "C")) FROM lines
"""


def disconnect(cursor: cursor) -> None:
    """End all other connections to the database, and wait for their ends."""
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    cursor.execute(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE {others}")


def structure(cursor: cursor) -> str:
    """A hash of all that is in the database but rows and the runs' own schemas."""
    cursor.execute(STRUCTURE)
    ((found,),) = cursor.fetchall()
    return str(found)


def empty(cursor: cursor) -> None:
    """Take away the rows of all tables, the runs' own schemas, and what sequences have counted."""
    for question in (LEFT_SCHEMAS, FILLED_TABLES, USED_SEQUENCES):
        cursor.execute(question)
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
