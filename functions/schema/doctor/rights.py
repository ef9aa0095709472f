"""Findings about owners, and about privileges on the database, the schemas and their tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dataforge.postgres.roles import DATABASE_GRANTS, FORMER_GRANTS, LEDGER_OWNER, OWNER, OWNERS, ROLES
from dataforge.postgres.rows import one_row
from dataforge.postgres.sql import Sql, from_catalog, ident
from dataforge.tables.catalogue import Dataset
from dataforge.tables.datasets import DATASETS
from functions.schema.apply.steps import SCHEMA
from functions.schema.declared_rights import (
    Right,
    compact,
    on_functions,
    on_ledger,
    on_schema,
    on_sequence,
    on_tables,
)
from functions.schema.difference import LEDGER, LEDGER_TABLES
from functions.schema.doctor.finding import REPAIR, Finding
from functions.schema.doctor.logins import known_roles

if TYPE_CHECKING:
    from dataforge.postgres.types import Cursor


PUBLIC = Sql("PUBLIC")


_GRANTED = Sql("""
    SELECT n.nspname, '', '', a.grantee, a.privilege_type, a.is_grantable, a.grantee = n.nspowner
    FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a WHERE n.nspname = ANY(%(schemas)s)
    UNION ALL SELECT n.nspname, c.relname, '', a.grantee, a.privilege_type, a.is_grantable, a.grantee = c.relowner
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
         aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
    WHERE n.nspname = ANY(%(schemas)s) AND pg_get_userbyid(c.relowner) = ANY(%(owners)s)
    UNION ALL SELECT n.nspname, c.relname, t.attname, a.grantee, a.privilege_type, a.is_grantable, a.grantee = c.relowner
    FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
         aclexplode(t.attacl) a
    WHERE n.nspname = ANY(%(schemas)s) AND pg_get_userbyid(c.relowner) = ANY(%(owners)s) AND NOT t.attisdropped
""")
"""Privileges on relations of other owners are not compared. A declared table with another owner is a separate finding."""


def right_findings(cursor: Cursor) -> Iterator[Finding]:
    """Missing and undeclared privileges on schemas and relations, which the owner role fixes."""
    known = known_roles(cursor)
    schemas = [LEDGER, SCHEMA, *DATASETS]
    cursor.execute(
        Sql("SELECT *, grantee::regrole::text FROM ({}) g(n, r, c, grantee, p, w, o)").format(_GRANTED),
        {"schemas": schemas, "owners": list(OWNERS)},
    )
    have: dict[Right, bool] = {}
    own = set()
    for schema, relation, column, grantee, privilege, grantable, is_own, role in cursor.fetchall():
        right = Right(schema, relation, column, role if grantee else PUBLIC, from_catalog(privilege))
        have[right] = have.get(right, False) or grantable
        own |= {right} if is_own else set()
    wanted = set(_wanted(cursor, schemas))
    for right in sorted(right for right in wanted - have.keys() if right.role in known):
        detail = f"{right.role} lacks {right.what()} on {right.where()}."
        statement = Sql("GRANT {} TO {}").format(right.clause(), ident(right.role))
        yield Finding("missing_grant", right.where(), detail, (statement,))
    for right, grantable in sorted(have.items()):
        if right not in own and _is_excess(right, grantable, wanted):
            yield from _excess(right, again=right in wanted)


def _is_excess(right: Right, grantable: bool, wanted: set[Right]) -> bool:
    if right.role == PUBLIC:
        # USAGE on a schema alone gives no access to tables; the schema may contain tables of other owners.
        return bool(right.relation) or right.privilege != "USAGE"
    return right.role in ROLES and (grantable or right not in wanted)


def _excess(right: Right, *, again: bool) -> Iterator[Finding]:
    role = PUBLIC if right.role == PUBLIC else ident(right.role)
    fixes = [Sql("REVOKE {} FROM {} CASCADE").format(right.clause(), role)]
    detail = f"{right.role} has {right.what()} on {right.where()}, which nothing declares."
    if again:
        fixes.append(Sql("GRANT {} TO {}").format(right.clause(), role))
        detail = f"{right.role} may grant {right.what()} on {right.where()} to others (WITH GRANT OPTION)."
    code = "former_grant" if (right.role, right.relation) in FORMER_GRANTS else "excess_grant"
    yield Finding(code, right.where(), detail, tuple(fixes))


def database_findings(cursor: Cursor) -> Iterator[Finding]:
    """Privileges on the database itself, which its owner, the master, fixes."""
    known = known_roles(cursor)
    cursor.execute(
        "SELECT datname, pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"
    )
    database, ours = one_row(cursor)
    for role, privilege in DATABASE_GRANTS:
        if role in known and not _is_granted(cursor, role, privilege, by_public=not ours):
            statement = Sql("GRANT {} ON DATABASE {} TO {}").format(privilege, ident(database), ident(role))
            detail = f"{role} lacks {privilege} on the database {database}."
            yield Finding("missing_grant", database, detail, (statement,))
    cursor.execute(
        "SELECT a.grantee::regrole::text, a.privilege_type FROM pg_database, aclexplode(datacl) a WHERE datname = %s"
        " AND a.grantee <> 0 ORDER BY 1, 2",
        (database,),
    )
    for role, privilege in cursor.fetchall():
        if role in ROLES and (role, privilege) not in DATABASE_GRANTS:
            statement = Sql("REVOKE {} ON DATABASE {} FROM {} CASCADE").format(
                from_catalog(privilege), ident(database), ident(role)
            )
            detail = f"{role} has {privilege} on the database {database}, which nothing declares."
            yield Finding("excess_grant", database, detail, (statement,))


def _is_granted(cursor: Cursor, role: Sql, privilege: Sql, *, by_public: bool) -> bool:
    """Whether the role has the privilege on the database itself, or ``by_public`` in any way."""
    if by_public:
        cursor.execute("SELECT has_database_privilege(%s, current_database(), %s)", (role, privilege))
        return bool(one_row(cursor)[0])
    cursor.execute(
        "SELECT FROM pg_database, aclexplode(datacl) WHERE datname = current_database() AND privilege_type = %s"
        " AND grantee = to_regrole(%s)",
        (privilege, role),
    )
    return cursor.fetchone() is not None


_OWNED = """
    SELECT nspname, '', 'n', pg_get_userbyid(nspowner) FROM pg_namespace
    WHERE nspname = ANY(%(schemas)s) AND pg_get_userbyid(nspowner) = ANY(%(owners)s)
    UNION ALL SELECT n.nspname, c.relname, 'r', pg_get_userbyid(c.relowner)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%(schemas)s) AND pg_get_userbyid(c.relowner) = ANY(%(owners)s) AND c.relkind IN ('r', 'p', 'v')
"""


def _wanted(cursor: Cursor, schemas: list[str]) -> Iterator[Right]:
    """The declared privileges on the existing schemas and relations."""
    cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", (schemas,))
    for (schema,) in cursor.fetchall():
        yield from on_schema(schema)
    cursor.execute(_OWNED, {"schemas": schemas, "owners": list(OWNERS)})
    owned = {(schema, relation): (kind, owner) for schema, relation, kind, owner in cursor.fetchall()}
    for (schema, relation), (kind, owner) in owned.items():
        cursor.execute(
            # MAINTAIN was added in PostgreSQL 17: tables of an upgraded server lack it, and Data Forge does not need it.
            'SELECT privilege_type FROM aclexplode(acldefault(%s::"char", to_regrole(%s)))'
            " WHERE privilege_type <> 'MAINTAIN'",
            (kind, owner),
        )
        yield from (
            Right(schema, relation, "", owner, from_catalog(privilege)) for (privilege,) in cursor.fetchall()
        )
    declared = [r for r in (*on_ledger(), *on_tables(DATASETS.values())) if (r.schema, r.relation) in owned]
    columns = _columns(cursor, schemas)
    # Privileges on a column that this version adds are granted after its table was changed.
    yield from (r for r in declared if not r.column or (r.schema, r.relation, r.column) in columns)
    yield from _of_sequences(cursor, schemas)


_SEQUENCES = """
    SELECT n.nspname, c.relname, a.attname, s.relname FROM pg_depend d
    JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
    JOIN pg_class c ON c.oid = d.refobjid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
      AND n.nspname = ANY(%s)
"""
"""The sequences of identity columns."""


def _of_sequences(cursor: Cursor, schemas: list[str]) -> Iterator[Right]:
    """The declared privileges on the sequences of identity columns."""
    cursor.execute(_SEQUENCES, (schemas,))
    for schema, name, column, sequence in cursor.fetchall():
        table = DATASETS[schema].tables.get(name) if schema in DATASETS else None
        if table is not None and table.identity_column == column:
            yield from on_sequence(schema, sequence)


def _columns(cursor: Cursor, schemas: list[str]) -> set[tuple[str, str, str]]:
    """Every column of the schemas' relations, as (schema, relation, column)."""
    cursor.execute(
        "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped",
        (schemas,),
    )
    return set(cursor.fetchall())


def owner_findings(cursor: Cursor, datasets: Iterable[Dataset]) -> Iterator[Finding]:
    """Data Forge's schemas and tables that belong to another role."""
    tables = {LEDGER: list(LEDGER_TABLES)} | {d.name: list(d.tables) for d in datasets}
    for schema, names in tables.items():
        wanted = LEDGER_OWNER if schema == LEDGER else OWNER
        cursor.execute(
            "SELECT 'SCHEMA', nspname::text, pg_get_userbyid(nspowner), quote_ident(nspname) FROM pg_namespace"
            " WHERE nspname = %(schema)s UNION ALL SELECT 'TABLE', nspname || '.' || relname, pg_get_userbyid(relowner),"
            " quote_ident(nspname) || '.' || quote_ident(relname) FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE nspname = %(schema)s AND relname = ANY(%(names)s) ORDER BY 1, 2",
            {"schema": schema, "names": names},
        )
        for kind, name, owner, quoted in cursor.fetchall():
            if owner == wanted:
                continue
            what = f"The schema {name}" if kind == "SCHEMA" else name
            detail = f"{what} belongs to {owner}, not to {wanted}."
            if schema == LEDGER and owner == OWNER:
                # The next deployment moves it, when no function of an earlier version is left.
                yield Finding("former_owner", name, detail, hint=REPAIR)
                continue
            hint = Sql("ALTER {} {} OWNER TO {}").format(from_catalog(kind), from_catalog(quoted), wanted)
            yield Finding("wrong_owner", name, detail, hint=hint)


_FUNCTIONS = """
    SELECT p.oid::regprocedure::text, coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC'),
           p.proowner::regrole::text
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
         aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    WHERE n.nspname = ANY(%s) AND a.grantee <> p.proowner ORDER BY 1, 2
"""


def function_findings(cursor: Cursor) -> Iterator[Finding]:
    """Functions of our schemas that others than declared may execute."""
    cursor.execute(_FUNCTIONS, ([LEDGER, SCHEMA],))
    declared = on_functions()
    for function, role, owner in cursor.fetchall():
        if owner in OWNERS and (compact(function), role) not in declared:
            grantee = PUBLIC if role == PUBLIC else ident(role)
            statement = Sql("REVOKE ALL ON FUNCTION {} FROM {} CASCADE").format(
                from_catalog(function), grantee
            )
            detail = f"{role} may execute {function}, which nothing declares."
            yield Finding("excess_grant", function, detail, (statement,))
