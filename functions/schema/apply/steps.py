"""Functions for the steps of runs that need the owner of the datasets: shadows, swaps and constraints.

They belong to the owner (SECURITY DEFINER). Each accepts names only, checks that they are those of a run's shadows and of
tables of a dataset, and takes every definition from PostgreSQL's catalogue. The caller is the role that the session has
assumed (``SET ROLE``), which PostgreSQL has checked; ``current_user`` is the owner here.
"""

from __future__ import annotations

from dataforge.postgres.roles import LOAD, MIGRATION_RUN, OWNER, REFILL, RESTORE_RUN, RUNS
from dataforge.postgres.sql import Sql, literal

SCHEMA = Sql("dataforge_steps")

_DEFINER = Sql("LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$")
_PLAIN = Sql("LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $function$")
_RAISE = Sql("USING ERRCODE = 'insufficient_privilege'")

_CALLER = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.loader() RETURNS text {plain}
DECLARE
    -- The role that the session has assumed: the loader of its shadows.
    loader constant text := CASE current_setting('role') WHEN {migration} THEN {load} WHEN {restore} THEN {refill} END;
BEGIN
    IF loader IS NULL THEN
        RAISE EXCEPTION 'only a run may call this function' {error};
    END IF;
    RETURN loader;
END $function$
""").format(
    plain=_PLAIN,
    migration=literal(MIGRATION_RUN),
    load=literal(LOAD),
    restore=literal(RESTORE_RUN),
    refill=literal(REFILL),
    error=_RAISE,
)

_REQUIRE_SHADOWS = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.require_shadows(shadows text) RETURNS void {plain}
BEGIN
    IF shadows IS NULL OR shadows !~ '^shadow_[a-z0-9_]+$' THEN
        RAISE EXCEPTION '% is not a schema of shadows', shadows {error};
    END IF;
    IF to_regnamespace(quote_ident(shadows)) IS NOT NULL
       AND NOT has_schema_privilege(current_setting('role'), shadows, 'CREATE') THEN
        RAISE EXCEPTION 'the schema % belongs to runs of another kind', shadows {error};
    END IF;
END $function$
""").format(plain=_PLAIN, error=_RAISE)

_REQUIRE_TABLES = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.require_tables(dataset text, tables text[]) RETURNS void {plain}
BEGIN
    -- Every table of the schema belongs to the owner, which only the schema's deployment can bring about.
    IF dataset IS NULL OR tables IS NULL OR dataset IN ('dataforge', 'dataforge_steps') OR dataset LIKE 'shadow\\_%'
       OR (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = dataset AND c.relname = ANY(tables) AND c.relkind IN ('r', 'p') AND n.nspowner = c.relowner
             AND pg_get_userbyid(c.relowner) = {owner}) <> cardinality(tables) THEN
        RAISE EXCEPTION 'these are not tables of the dataset %', dataset {error};
    END IF;
    IF EXISTS (
        SELECT FROM unnest(tables) name WHERE NOT EXISTS (
            SELECT FROM dataforge.leases l
            WHERE l.dataset = require_tables.dataset AND l."table" = name AND l.scope = 'write'
        )
    ) THEN
        RAISE EXCEPTION 'no run has the leases of these tables of %', dataset {error};
    END IF;
END $function$
""").format(plain=_PLAIN, owner=literal(OWNER), error=_RAISE)

_CREATE_SHADOWS = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.create_shadows(shadows text) RETURNS void {definer}
DECLARE
    loader constant text := dataforge_steps.loader();
BEGIN
    PERFORM dataforge_steps.require_shadows(shadows);
    EXECUTE format('CREATE SCHEMA %I', shadows);
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', shadows, current_setting('role'));
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', shadows, loader);
END $function$
""").format(definer=_DEFINER)

_DROP_SHADOWS = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.drop_shadows(shadows text) RETURNS void {definer}
BEGIN
    PERFORM dataforge_steps.loader(), dataforge_steps.require_shadows(shadows);
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', shadows);
END $function$
""").format(definer=_DEFINER)

_ADOPT = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.adopt_shadows() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    found record;
BEGIN
    -- Shadows of runs that an earlier version began. Its functions act as the owner, which is a member of the new owners.
    FOR found IN
        SELECT n.oid, n.nspname, r.role FROM pg_namespace n
        JOIN (VALUES ({load}, {migration}), ({refill}, {restore})) r(loader, role)
          ON has_schema_privilege(r.loader, n.oid, 'USAGE')
        WHERE n.nspname LIKE 'shadow\\_%' AND pg_get_userbyid(n.nspowner) = {owner}
    LOOP
        EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', found.nspname, found.role);
        -- The replaced tables of a restore are only read and dropped.
        IF found.nspname LIKE '%\\_kept' THEN
            EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', found.nspname, found.role);
            CONTINUE;
        END IF;
        PERFORM dataforge_steps.give(c.oid::regclass, found.role) FROM pg_class c
        WHERE c.relnamespace = found.oid AND c.relkind = 'r' AND pg_get_userbyid(c.relowner) = {owner};
    END LOOP;
END $function$
""").format(
    load=literal(LOAD),
    migration=literal(MIGRATION_RUN),
    refill=literal(REFILL),
    restore=literal(RESTORE_RUN),
    owner=literal(OWNER),
)

_GIVE = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.give(relation regclass, role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $function$
BEGIN
    EXECUTE format('ALTER TABLE %s OWNER TO %I', relation, role);
EXCEPTION WHEN lock_not_available THEN
    -- The run of an earlier version that uses it fails in its next step, and can be resumed after the next deployment.
    NULL;
END $function$
""")

_DEFINITIONS = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.definitions(relation regclass) RETURNS SETOF text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
    SELECT format('column %s %s %s %s %s', row_number() OVER (ORDER BY attnum), attname,
                  format_type(atttypid, atttypmod), attcollation::regcollation, attnotnull)
    FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT format('constraint %s %s', conname, replace(pg_get_constraintdef(oid), ' NOT VALID', ''))
    FROM pg_constraint WHERE conrelid = relation AND contype IN ('p', 'u', 'c', 'f')
    UNION ALL SELECT format('index %s', pg_get_indexdef(indexrelid)) FROM pg_index WHERE indrelid = relation
$function$
""")

_REQUIRE_PLAIN = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.require_plain(relation regclass) RETURNS void {plain}
BEGIN
    -- Code of others would run with the rights of the roles that use the table.
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND NOT tgisinternal)
       OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = relation)
       OR EXISTS (SELECT FROM pg_policy WHERE polrelid = relation)
       OR EXISTS (SELECT FROM pg_inherits WHERE relation IN (inhrelid, inhparent))
       OR EXISTS (SELECT FROM pg_attrdef WHERE adrelid = relation)
       OR EXISTS (SELECT FROM pg_class WHERE oid = relation AND (relrowsecurity OR relkind <> 'r' OR relpersistence <> 'p'))
       OR EXISTS (SELECT FROM pg_depend WHERE refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
                  AND (classid = 'pg_class'::regclass
                       AND (objid = relation OR objid IN (SELECT indexrelid FROM pg_index WHERE indrelid = relation))
                       OR classid = 'pg_constraint'::regclass
                       AND objid IN (SELECT oid FROM pg_constraint WHERE conrelid = relation))) THEN
        RAISE EXCEPTION '% has triggers, rules, policies, defaults or functions', relation {error};
    END IF;
END $function$
""").format(plain=_PLAIN, error=_RAISE)

_FOREIGN_KEYS = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.foreign_keys(dataset text, tables text[])
RETURNS TABLE (child text, name text, definition text, inside boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
    SELECT c.relname::text, k.conname::text, pg_get_constraintdef(k.oid), c.relname = ANY(tables) AND p.relname = ANY(tables)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.oid = p.relnamespace
    WHERE k.contype = 'f' AND n.nspname = dataset AND (c.relname = ANY(tables) OR p.relname = ANY(tables))
    ORDER BY 1, 2
$function$
""")

_REVOKE_ALL = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.revoke_all(relation regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    grantee text;
BEGIN
    FOR grantee IN
        SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
        FROM (SELECT relacl AS acl FROM pg_class WHERE oid = relation
              UNION ALL SELECT attacl FROM pg_attribute WHERE attrelid = relation AND attacl IS NOT NULL) acls,
             aclexplode(acl) a
        WHERE a.grantee <> (SELECT relowner FROM pg_class WHERE oid = relation)
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', relation, grantee);
    END LOOP;
END $function$
""")

_SWAP = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.swap(dataset text, tables text[], shadows text, replaced text) RETURNS void
{definer}
DECLARE
    loader constant text := dataforge_steps.loader();
    keys jsonb;
    before jsonb;
    grants jsonb;
    identities jsonb;
    key jsonb;
    name text;
    missing text;
    used bigint;
BEGIN
    -- The replaced tables are dropped, or moved to the schema ``replaced`` if it is given. Foreign keys from and to other
    -- tables are then created NOT VALID.
    PERFORM dataforge_steps.require_tables(dataset, tables), dataforge_steps.require_shadows(shadows),
            dataforge_steps.require_shadows(coalesce(replaced, shadows));
    SELECT coalesce(jsonb_agg(to_jsonb(k)), '[]') INTO keys FROM dataforge_steps.foreign_keys(dataset, tables) k;
    SELECT jsonb_object_agg(t, ARRAY(SELECT dataforge_steps.definitions(format('%I.%I', dataset, t)::regclass))) INTO before
    FROM unnest(tables) t;
    SELECT coalesce(jsonb_agg(jsonb_build_array(c.relname, a.privilege_type, a.grantee::regrole)), '[]') INTO grants
    FROM pg_class c, aclexplode(c.relacl) a
    WHERE c.relnamespace = to_regnamespace(quote_ident(dataset)) AND c.relname = ANY(tables)
      AND a.grantee NOT IN (0, c.relowner);
    SELECT coalesce(jsonb_agg(jsonb_build_object('table', c.relname, 'column', attname,
               'used', coalesce(pg_sequence_last_value(s.oid), 0),
               'grants', (SELECT jsonb_agg(jsonb_build_array(privilege_type, grantee::regrole)) FROM aclexplode(s.relacl)
                          WHERE grantee NOT IN (0, s.relowner)))), '[]') INTO identities
    FROM pg_class c JOIN pg_attribute ON attrelid = c.oid AND attidentity <> ''
    JOIN pg_class s ON s.oid = pg_get_serial_sequence(c.oid::regclass::text, attname)::regclass
    WHERE c.relnamespace = to_regnamespace(quote_ident(dataset)) AND c.relname = ANY(tables);
    FOR key IN SELECT * FROM jsonb_array_elements(keys) LOOP
        EXECUTE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', dataset, key->>'child', key->>'name');
    END LOOP;
    IF replaced IS NULL THEN
        EXECUTE 'DROP TABLE ' || (SELECT string_agg(format('%I.%I', dataset, t), ', ') FROM unnest(tables) t);
    END IF;
    FOREACH name IN ARRAY tables LOOP
        IF replaced IS NOT NULL THEN
            EXECUTE format('ALTER TABLE %I.%I SET SCHEMA %I', dataset, name, replaced);
            EXECUTE format('GRANT SELECT ON %I.%I TO %I', replaced, name, loader);
        END IF;
        EXECUTE format('ALTER TABLE %I.%I OWNER TO {owner}', shadows, name);
        -- The run may have granted rights on its shadow. Those on the replaced table follow below.
        PERFORM dataforge_steps.revoke_all(format('%I.%I', shadows, name)::regclass);
        EXECUTE format('ALTER TABLE %I.%I DROP COLUMN IF EXISTS _source', shadows, name);
        EXECUTE format('ALTER TABLE %I.%I RESET (autovacuum_enabled)', shadows, name);
        EXECUTE format('ALTER TABLE %I.%I SET SCHEMA %I', shadows, name, dataset);
        PERFORM dataforge_steps.require_plain(format('%I.%I', dataset, name)::regclass);
    END LOOP;
    FOR key IN SELECT * FROM jsonb_array_elements(grants) LOOP
        EXECUTE format('GRANT %s ON %I.%I TO %s', key->>1, dataset, key->>0, key->>2);
    END LOOP;
    FOR key IN SELECT * FROM jsonb_array_elements(identities) LOOP
        EXECUTE format('ALTER TABLE %I.%I ALTER COLUMN %I ADD GENERATED BY DEFAULT AS IDENTITY',
                       dataset, key->>'table', key->>'column');
        name := pg_get_serial_sequence(format('%I.%I', dataset, key->>'table'), key->>'column');
        EXECUTE (SELECT coalesce(string_agg(format('GRANT %s ON SEQUENCE %s TO %s', g->>0, name, g->>1), ';'), '')
                 FROM jsonb_array_elements(key->'grants') g);
        EXECUTE format('SELECT greatest(%s, max(%I)) FROM %I.%I', key->>'used', key->>'column', dataset, key->>'table')
            INTO used;
        IF used > 0 THEN
            PERFORM setval(name::regclass, used);
        END IF;
    END LOOP;
    -- The shadows have those between the tables.
    FOR key IN SELECT * FROM jsonb_array_elements(keys) k WHERE NOT EXISTS (
        SELECT FROM pg_constraint
        WHERE conrelid = format('%I.%I', dataset, k->>'child')::regclass AND conname = k->>'name') LOOP
        EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s%s', dataset, key->>'child', key->>'name',
                       replace(key->>'definition', ' NOT VALID', ''),
                       CASE WHEN replaced IS NULL THEN '' ELSE ' NOT VALID' END);
    END LOOP;
    SELECT string_agg(DISTINCT expected, '; ') INTO missing
    FROM unnest(tables) t, jsonb_array_elements_text(before->t) expected
    WHERE expected NOT IN (SELECT dataforge_steps.definitions(format('%I.%I', dataset, t)::regclass));
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'the shadows of % differ from its tables: %', dataset, missing
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END $function$
""").format(definer=_DEFINER, owner=OWNER)

_VALIDATE = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.validate(dataset text, "table" text, name text) RETURNS void {definer}
BEGIN
    PERFORM dataforge_steps.loader();
    IF dataset IS NULL OR dataset IN ('dataforge', 'dataforge_steps') OR dataset LIKE 'shadow\\_%' THEN
        RAISE EXCEPTION '% is not a dataset', dataset {error};
    END IF;
    EXECUTE format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I', dataset, "table", name);
END $function$
""").format(definer=_DEFINER, error=_RAISE)

_SUSPENDED = """
CREATE TABLE IF NOT EXISTS dataforge_steps.suspended (
    transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset text NOT NULL,
    "table" text NOT NULL,
    name text NOT NULL,
    definition text NOT NULL)
"""

_REQUIRE_RESUMED = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.require_resumed() RETURNS trigger {definer}
BEGIN
    -- A transaction that does not create a constraint again is rolled back at its end.
    IF EXISTS (SELECT FROM dataforge_steps.suspended WHERE number = NEW.number) THEN
        RAISE EXCEPTION 'the constraint % of %.% was not created again', NEW.name, NEW.dataset, NEW."table" {error};
    END IF;
    RETURN NULL;
END $function$
""").format(definer=_DEFINER, error=_RAISE)
_REQUIRING = """
DO $do$ BEGIN
    -- To replace the trigger would wait for the runs that use the table.
    IF NOT EXISTS (SELECT FROM pg_trigger
                   WHERE tgrelid = 'dataforge_steps.suspended'::regclass AND tgname = 'require_resumed') THEN
        CREATE CONSTRAINT TRIGGER require_resumed AFTER INSERT ON dataforge_steps.suspended
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dataforge_steps.require_resumed();
    END IF;
END $do$
"""

_SUSPEND = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.suspend_unique(dataset text, tables text[]) RETURNS void {definer}
DECLARE
    found record;
BEGIN
    -- Unique constraints, which a merge violates between two rows, with the foreign keys to them.
    -- ``resume_unique`` creates them again.
    PERFORM dataforge_steps.loader(), dataforge_steps.require_tables(dataset, tables);
    INSERT INTO dataforge_steps.suspended (dataset, "table", name, definition)
    SELECT suspend_unique.dataset, c.relname, k.conname, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = suspend_unique.dataset AND (
        k.contype = 'u' AND c.relname = ANY(tables)
        OR k.contype = 'f' AND EXISTS (
            SELECT FROM pg_constraint u JOIN pg_class p ON p.oid = u.conrelid
            WHERE u.contype = 'u' AND u.conindid = k.conindid AND p.relnamespace = n.oid AND p.relname = ANY(tables)))
    ORDER BY k.contype = 'f', k.oid;
    FOR found IN SELECT s."table", s.name FROM dataforge_steps.suspended s
                 WHERE transaction = pg_current_xact_id() ORDER BY number DESC LOOP
        EXECUTE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', dataset, found."table", found.name);
    END LOOP;
END $function$
""").format(definer=_DEFINER)

_RESUME = Sql("""
CREATE OR REPLACE FUNCTION dataforge_steps.resume_unique() RETURNS void {definer}
DECLARE
    found record;
BEGIN
    PERFORM dataforge_steps.loader();
    FOR found IN SELECT * FROM dataforge_steps.suspended WHERE transaction = pg_current_xact_id() ORDER BY number LOOP
        EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s',
                       found.dataset, found."table", found.name, found.definition);
    END LOOP;
    DELETE FROM dataforge_steps.suspended WHERE transaction = pg_current_xact_id();
END $function$
""").format(definer=_DEFINER)

CALLED = (
    Sql("create_shadows(text)"),
    Sql("drop_shadows(text)"),
    Sql("swap(text, text[], text, text)"),
    Sql("validate(text, text, text)"),
    Sql("suspend_unique(text, text[])"),
    Sql("resume_unique()"),
)
"""The functions that runs may call."""

STATEMENTS = (
    Sql("CREATE SCHEMA IF NOT EXISTS {}").format(SCHEMA),
    _CALLER,
    _REQUIRE_SHADOWS,
    _REQUIRE_TABLES,
    _CREATE_SHADOWS,
    _DROP_SHADOWS,
    _GIVE,
    _ADOPT,
    _DEFINITIONS,
    _REQUIRE_PLAIN,
    _FOREIGN_KEYS,
    _REVOKE_ALL,
    _SWAP,
    _VALIDATE,
    _SUSPENDED,
    _REQUIRE_RESUMED,
    _REQUIRING,
    _SUSPEND,
    _RESUME,
    Sql("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {} FROM PUBLIC").format(SCHEMA),
    Sql("GRANT USAGE ON SCHEMA {} TO {}").format(SCHEMA, Sql(", ").join(RUNS)),
    *(
        Sql("GRANT EXECUTE ON FUNCTION {}.{} TO {}").format(SCHEMA, called, Sql(", ").join(RUNS))
        for called in CALLED
    ),
    Sql("SELECT dataforge_steps.adopt_shadows()"),
)
"""Idempotent statements that create the functions, for the owner of the datasets."""
