"""Settings of every session, so that no setting of server, database or role changes the meaning of a statement.

Options of the connection take precedence over ``ALTER DATABASE`` and ``ALTER ROLE``. Settings that affect performance only
(memory, planner, JIT, vacuum) are left to the administrator. Settings that only a superuser may change cannot be set here.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataforge.postgres.sql import Sql, literal

_TEXT = {
    "client_encoding": "UTF8",
    "datestyle": "ISO,MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "timezone_abbreviations": "Default",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "quote_all_identifiers": "off",
    "xmlbinary": "base64",
    "xmloption": "content",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
}
"""Input and output of values and names."""

_MEANING = {
    "search_path": "pg_catalog,public,pg_temp",
    "role": "none",
    "row_security": "off",
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "escape_string_warning": "on",
    "array_nulls": "on",
    "transform_null_equals": "off",
    "gin_fuzzy_search_limit": "0",
    "check_function_bodies": "on",
    "createrole_self_grant": "",
    "restrict_nonsystem_relation_kind": "",
    "default_table_access_method": "heap",
    "default_tablespace": "",
    "temp_tablespaces": "",
}
"""Meaning of statements. No schema shadows PostgreSQL's functions and operators; functions of an owner can use ``public``.
With ``row_security`` off PostgreSQL raises an error instead of hiding rows by a policy."""

_TRANSACTIONS = {
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "synchronous_commit": "on",
    "exit_on_error": "off",
}
"""Durability: a committed row survives a crash of the server."""

_MESSAGES = {
    "client_min_messages": "notice",
    "debug_print_parse": "off",
    "debug_print_rewritten": "off",
    "debug_print_plan": "off",
    "log_parameter_max_length_on_error": "0",
}
"""No role or database setting logs records on the server."""

PINNED: Mapping[str, str] = _TEXT | _MEANING | _TRANSACTIONS | _MESSAGES

NEWER = ("transaction_timeout", "restrict_nonsystem_relation_kind")
"""Settings that supported servers may lack (before 17; before 16.4). As an option of the connection an unknown setting would
end it, and the attempt counts against the role's connection limit; ``set_newer`` sets those that the server has."""

UNSUPPORTED = frozenset({"createrole_self_grant", "log_parameter_max_length_on_error"})
"""Settings that unsupported servers lack. Without them Data Forge can connect to report the version."""

_SET_NEWER = Sql("SELECT set_config(name, value, false) FROM (VALUES {}) s(name, value) WHERE {}").format(
    Sql("({}, {}), ({}, %s)").format(
        literal("restrict_nonsystem_relation_kind"), literal(""), literal("transaction_timeout")
    ),
    Sql("current_setting(name, true) IS NOT NULL"),
)


def set_newer(transaction_seconds: int) -> tuple[Sql, list[str]]:
    """The statement that sets the settings ``NEWER``, with its parameters."""
    return _SET_NEWER, [f"{transaction_seconds}s"]


def options(limits: Mapping[str, int], *, without: frozenset[str] = frozenset()) -> str:
    """The ``options`` of a connection: the settings of this module and the caller's time limits."""
    pinned = {**PINNED, **{name: str(value) for name, value in limits.items()}}
    pinned = {name: value for name, value in pinned.items() if name not in without and name not in NEWER}
    return " ".join(f"-c {name}={_escaped(value)}" for name, value in pinned.items())


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace(" ", r"\ ")
