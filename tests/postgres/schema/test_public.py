"""Rights of PUBLIC on the database become rights of the existing logins, in the last step of a deployment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dataforge.errors import Unavailable
from dataforge.postgres.roles import DELIVER, LOGINS
from functions.schema.apply.apply import apply
from functions.schema.doctor.doctor import examine
from tests.postgres.conftest import MASTER, PASSWORD, PASSWORDS

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection
    from tests.postgres.conftest import Database

MAY = "SELECT has_database_privilege(%s, %s, %s)"
LATER = f"ALTER ROLE later LOGIN PASSWORD '{PASSWORD}'"
CREATES = "SELECT has_schema_privilege(%s, 'public', 'CREATE')"


@pytest.fixture
def earlier(database: Database) -> Iterator[Database]:
    """A database as PostgreSQL 14 creates it, with a login of the owner, on a server where the master owns ``postgres``."""
    database.query(
        f"GRANT CONNECT, TEMPORARY ON DATABASE {database.name} TO PUBLIC; GRANT CREATE ON SCHEMA public TO PUBLIC;"
        f" ALTER DATABASE postgres OWNER TO {MASTER}; CREATE ROLE reports LOGIN PASSWORD '{PASSWORD}';"
        " CREATE ROLE later NOLOGIN"
    )
    yield database
    database.close()
    database.query(
        "ALTER DATABASE postgres OWNER TO postgres; GRANT CONNECT ON DATABASE postgres TO PUBLIC;"
        f" REVOKE ALL ON DATABASE {database.name} FROM PUBLIC; REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
        " DROP OWNED BY reports, later; DROP ROLE reports, later"
    )


def may(database: Database, role: str, privilege: str, where: str = "") -> bool:
    """Whether the role has the privilege on the database."""
    return bool(database.query(MAY, role, where or database.name, privilege)[0][0])


def public_findings(master: Connection) -> list[str]:
    """The objects of the doctor's findings about PUBLIC."""
    return [finding["object"] for finding in examine(master) if finding["code"] == "public_right"]


def test_logins_of_the_owner_keep_what_they_had_by_public(earlier: Database) -> None:
    master = earlier.connect(MASTER)
    assert public_findings(master) == ["postgres", earlier.name, earlier.name, "public"]
    apply(master, PASSWORDS)
    earlier.query(LATER)
    assert public_findings(master) == []
    for right in ("CONNECT", "TEMPORARY"):
        assert may(earlier, "reports", right)
        assert not may(earlier, "later", right)
    assert may(earlier, "reports", "CONNECT", "postgres")
    assert [earlier.query(CREATES, role) for role in ("reports", "later")] == [[(True,)], [(False,)]]
    earlier.connect("reports")
    with pytest.raises(Unavailable, match="permission denied for database"):
        earlier.connect("later")
    assert [login for login in LOGINS if may(earlier, login, "CONNECT", "postgres")] == []
    assert [login for login in LOGINS if not may(earlier, login, "CONNECT")] == []
    assert apply(master, PASSWORDS)["changes"] == []


def test_public_keeps_its_rights_until_the_last_step(earlier: Database) -> None:
    apply(earlier.connect(MASTER), PASSWORDS, contract=False)
    earlier.query(LATER)
    assert may(earlier, "later", "CONNECT")
    assert may(earlier, DELIVER, "CONNECT", "postgres")


def test_database_of_another_owner_is_reported_and_not_refused(earlier: Database) -> None:
    earlier.query(f"ALTER DATABASE {earlier.name} OWNER TO later")
    try:
        master = earlier.connect(MASTER)
        apply(master, PASSWORDS)
        assert may(earlier, DELIVER, "TEMPORARY")
        hints = [f["hint"] for f in examine(master) if f["code"] == "public_right"]
        assert f'As "later", run: REVOKE CONNECT ON DATABASE "{earlier.name}" FROM PUBLIC' in hints
    finally:
        earlier.query(f"ALTER DATABASE {earlier.name} OWNER TO {MASTER}")
