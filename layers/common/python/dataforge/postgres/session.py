"""The settings of every session, so that neither the server, the database nor a role changes what a statement means.

Options of the connection take precedence over ``ALTER DATABASE`` and ``ALTER ROLE``. Settings that only cost time (memory,
the planner, JIT, vacuum) stay the administrator's. Those that only a superuser may set cannot be pinned here.
"""

from __future__ import annotations

from collections.abc import Mapping

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
"""How values and names are written and read."""

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
"""What statements mean. Nothing shadows PostgreSQL's functions and operators; an owner's function still finds ``public``.
With ``row_security`` off PostgreSQL refuses to read or write by a policy, instead of passing over rows."""

_TRANSACTIONS = {
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "transaction_timeout": "0",
    "synchronous_commit": "on",
    "exit_on_error": "off",
}
"""What a transaction promises: a row that was acknowledged survives a crash of the server."""

_MESSAGES = {
    "client_min_messages": "notice",
    "debug_print_parse": "off",
    "debug_print_rewritten": "off",
    "debug_print_plan": "off",
    "log_parameter_max_length_on_error": "0",
}
"""No record in the server's log because a role or database asks for it."""

PINNED: Mapping[str, str] = _TEXT | _MEANING | _TRANSACTIONS | _MESSAGES


NEWER = frozenset(
    {
        "createrole_self_grant",
        "log_parameter_max_length_on_error",
        "restrict_nonsystem_relation_kind",
        "transaction_timeout",
    }
)
"""What servers older than Data Forge works with do not know: without these it can say to them that they are too old."""


def options(limits: Mapping[str, int], *, without: frozenset[str] = frozenset()) -> str:
    """The ``options`` of a connection: everything pinned, and the caller's time limits."""
    pinned = {**PINNED, **{name: str(value) for name, value in limits.items()}}
    pinned = {name: value for name, value in pinned.items() if name not in without}
    return " ".join(f"-c {name}={_escaped(value)}" for name, value in pinned.items())


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace(" ", r"\ ")
