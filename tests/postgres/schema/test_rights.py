"""Each role has exactly the declared rights, on every object that PostgreSQL's catalogue lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from checks.rights import PAGE, page
from dataforge.postgres.roles import MEMBERSHIPS, ROLES
from tests.postgres.rights import OURS, OWNERS, differences, in_effect

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

OWNED = """
    SELECT DISTINCT refobjid::regrole::text, coalesce(o.schema, o.name)
    FROM pg_shdepend d, pg_identify_object(classid, objid, objsubid) o
    WHERE deptype = 'o' AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
      AND (refobjid::regrole::text = ANY(%s) OR coalesce(o.schema, o.name) = ANY(%s)) AND o.type <> 'database'
"""


@pytest.fixture(scope="module", autouse=True)
def examined() -> None:
    """Keep all datasets in the catalogue: the rights on each are compared."""


def test_rights_in_effect_are_the_declared_ones(module_database: Database) -> None:
    undeclared, missing = differences(module_database.query)
    assert undeclared == []
    assert missing == []


def test_page_lists_the_declared_rights() -> None:
    assert PAGE.read_text() == page(), "run: python -m checks.rights"


def test_public_creates_no_objects(module_database: Database) -> None:
    found = in_effect(module_database.query, "public")
    assert [r for r in sorted(found) if r[1] == "CREATE"] == []


def test_assumed_roles_are_the_declared_ones(module_database: Database) -> None:
    """SET ROLE gives a login the rights of another role of the list, and of no other role of the server."""
    query = """
        SELECT other.rolname, role FROM unnest(%s) role, pg_roles other
        WHERE pg_has_role(role, other.oid, %s) AND role <> other.rolname
    """
    for kind in ("SET", "MEMBER"):
        assert set(module_database.query(query, [*ROLES], kind)) == set(MEMBERSHIPS)
    inherited = {pair for pair, statement in MEMBERSHIPS.items() if "INHERIT TRUE" in statement}
    assert set(module_database.query(query, [*ROLES], "USAGE")) == inherited
    assert module_database.query(query, [*ROLES], "MEMBER WITH ADMIN OPTION") == []


def test_roles_own_their_schemas_and_nothing_else(module_database: Database) -> None:
    found = module_database.query(OWNED, [*ROLES], [*OURS])
    assert sorted(found) == sorted((owner, schema) for schema, owner in OWNERS.items())


@pytest.mark.parametrize(
    "query",
    [
        "SELECT FROM pg_default_acl",
        "SELECT FROM pg_parameter_acl",
        "SELECT FROM pg_largeobject_metadata",
        "SELECT FROM pg_event_trigger",
        "SELECT FROM pg_policy",
        "SELECT FROM pg_class, aclexplode(relacl) WHERE is_grantable AND grantee <> relowner AND oid >= 16384",
        "SELECT FROM pg_proc WHERE prosecdef AND oid >= 16384 AND proconfig IS NULL",
    ],
)
def test_nothing_gives_rights_on_other_ways(module_database: Database, query: str) -> None:
    assert module_database.query(query) == []
