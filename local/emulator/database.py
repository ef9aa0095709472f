"""Create a database and a master role in the embedded PostgreSQL for `AWS::RDS::DBInstance`, and set its parameters.

Without the patch, the emulator starts a Docker container for an instance of an API call, and nothing for a stack's.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
from ministack.services.cloudformation import provisioners
from psycopg2 import sql

from local.emulator.anchors import require

TYPE = "AWS::RDS::DBInstance"
Server = dict[str, Any]
"""The superuser's parameters of a connection to PostgreSQL"""


def apply(superuser: dict[str, Any], authority: Path) -> None:
    """Serve every PostgreSQL instance of a stack from the superuser's server."""
    server: Server = superuser | {"sslmode": "verify-full", "sslrootcert": str(authority)}
    require("database", provisioners, "_RESOURCE_HANDLERS", "_rds", "_rds_db_instance_attrs")
    require("database", provisioners._rds, "_instances", "_param_groups")
    require(
        "database",
        provisioners,
        "_rds_db_instance_create",
        "_rds_db_instance_update",
        "_rds_db_instance_delete",
    )
    originals = {
        verb: getattr(provisioners, f"_rds_db_instance_{verb}") for verb in ("create", "update", "delete")
    }

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, str]]:
        identifier, _ = originals["create"](logical_id, properties, stack)
        return identifier, _serve(identifier, server)

    def update(identifier: str, *changes: Any, **names: Any) -> tuple[str, dict[str, str]]:
        identifier, _ = originals["update"](identifier, *changes, **names)
        return identifier, _serve(identifier, server)

    def delete(identifier: str, properties: dict[str, Any]) -> None:
        instance = provisioners._rds._instances.get(identifier)
        originals["delete"](identifier, properties)
        if instance and is_postgres(instance):
            _drop(instance["DBName"], server)

    for verb, replacement in {"create": create, "update": update, "delete": delete}.items():
        # The emulator's update replaces an instance through the module's names, a stack through the table.
        setattr(provisioners, f"_rds_db_instance_{verb}", replacement)
        provisioners._RESOURCE_HANDLERS[TYPE][verb] = replacement


def is_postgres(instance: dict[str, Any]) -> bool:
    """Whether the embedded PostgreSQL serves this instance."""
    return str(instance["Engine"]).startswith("postgres")


def _serve(identifier: str, server: Server) -> dict[str, str]:
    """Apply the instance's record; returns its attributes for the template."""
    instance = provisioners._rds._instances[identifier]
    if is_postgres(instance):
        instance["Endpoint"].update(Address=server["host"], Port=server["port"])
        _provide(instance["MasterUsername"], instance["_MasterUserPassword"], instance["DBName"], server)
        _configure([group["DBParameterGroupName"] for group in instance["DBParameterGroups"]], server)
    attributes: dict[str, str] = provisioners._rds_db_instance_attrs(instance)
    return attributes


def _provide(master: str, password: str, database: str, server: Server) -> None:
    role = sql.Identifier(master)
    with _connect(server) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (master,))
        verb = sql.SQL("ALTER" if cursor.fetchone() else "CREATE")
        rights = sql.SQL("{} ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}")
        cursor.execute(rights.format(verb, role, sql.Literal(password)))
        cursor.execute(sql.SQL("GRANT rds_superuser TO {} WITH ADMIN OPTION").format(role))
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
        if not cursor.fetchone():
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), role))
        # The first master owns it, as on RDS, and may therefore revoke the rights of PUBLIC on it.
        cursor.execute(
            "SELECT FROM pg_database JOIN pg_roles r ON r.oid = datdba WHERE datname = 'postgres' AND rolsuper"
        )
        if cursor.rowcount:
            cursor.execute(sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(role))


def _configure(groups: list[str], server: Server) -> None:
    """Set the parameters of the groups that the server has, and that need no restart. `rds.*` concern RDS itself."""
    parameters = {
        name: parameter["ParameterValue"]
        for group in groups
        for name, parameter in provisioners._rds._param_groups.get(group, {}).get("Parameters", {}).items()
    }
    with _connect(server) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM pg_settings WHERE name = ANY (%s) AND context IN ('sighup', 'superuser', 'user')",
            (list(parameters),),
        )
        for (name,) in cursor.fetchall():
            setting = sql.SQL("ALTER SYSTEM SET {} = {}")
            cursor.execute(setting.format(sql.Identifier(name), sql.Literal(parameters[name])))
        cursor.execute("SELECT pg_reload_conf()")


def _drop(database: str, server: Server) -> None:
    """Drop the database unless another instance, its replacement, uses the name."""
    if any(other["DBName"] == database for other in provisioners._rds._instances.values()):
        return
    with _connect(server) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def _connect(server: Server) -> Any:
    connection = psycopg2.connect(**server, dbname="postgres")
    connection.autocommit = True  # CREATE and DROP DATABASE allow no transaction
    return closing(connection)
