"""Errors that a function raises, and log lines of exceptions: codes and names, no values."""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.aws.telemetry import entry_point, make_logger
from dataforge.errors import DataForgeError, NoSuchBackup, StatementFailed, Unexpected
from dataforge.postgres.refusals import describe
from dataforge.visible import visible_line
from local.config import ROOT

SECRET = "a value of a row"
FUNCTIONS = ROOT / "functions"
CONTEXT: Any = SimpleNamespace(
    function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="r"
)


class CheckViolation(Exception):
    """Like psycopg2's: the text quotes values, the diagnostics contain names only."""

    __module__ = "psycopg2.errors"
    pgcode = "23514"
    diag = SimpleNamespace(
        schema_name="olist", table_name="orders", constraint_name="paid", column_name=None, context=None
    )


def failing(error: BaseException) -> tuple[Exception, str]:
    """The exception and the log of a function that raises ``error``."""
    log = io.StringIO()
    logger = make_logger("test of telemetry")
    logger.registered_handler.setStream(log)  # type: ignore[attr-defined]

    @entry_point(logger)
    def handler(event: dict[str, Any], context: Any) -> None:
        raise error

    with pytest.raises((DataForgeError, MemoryError)) as raised:
        handler({}, CONTEXT)
    return raised.value, log.getvalue()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            CheckViolation(SECRET),
            StatementFailed,
            'olist.orders: a row violates check constraint "paid" (SQLSTATE 23514)',
        ),
        (ValueError(SECRET), Unexpected, "An unexpected ValueError"),
        (UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET), Unexpected, "UnicodeDecodeError"),
        (KeyError(SECRET), Unexpected, "KeyError"),
        (NoSuchBackup("There is no backup x."), NoSuchBackup, "There is no backup x."),
    ],
)
def test_unknown_exception_is_raised_without_its_text(
    error: Exception, kind: type[DataForgeError], words: str
) -> None:
    found, log = failing(error)
    assert type(found) is kind
    assert words in str(found)
    assert SECRET not in str(found) + log
    assert (found.__cause__, found.__context__) == (None, None)
    line = json.loads(log.splitlines()[-1])
    assert line["error"] == type(error).__name__
    assert any("test_telemetry.py" in place for place in line["where"])


def test_error_is_raised_under_its_code_after_its_class_was_renamed() -> None:
    class Renamed(NoSuchBackup):
        pass

    found, log = failing(Renamed("There is no backup x."))
    # Lambda reports the name of the exception's class as errorType.
    assert type(found).__name__ == "NoSuchBackup"
    assert isinstance(found, Renamed)
    assert json.loads(log.splitlines()[-1])["error"] == "NoSuchBackup"


def test_error_of_data_forge_is_raised_without_its_cause() -> None:
    error = NoSuchBackup("There is no backup x.")
    error.__cause__ = ValueError(SECRET)
    found, log = failing(error)
    assert found is error
    assert (found.__cause__, found.__context__) == (None, None)
    assert SECRET not in log
    assert json.loads(log.splitlines()[-1])["cause"] == "ValueError"


def test_exhausted_memory_is_raised_as_memory_error() -> None:
    found, log = failing(MemoryError(SECRET))
    assert (type(found), str(found)) == (MemoryError, "")
    assert SECRET not in log


@given(st.text() | st.text('\x00\x1b\x7f\x9b\u202e\u2028\n\r"\\', max_size=9))
def test_log_line_is_one_line_of_json_without_control_characters(name: str) -> None:
    log = io.StringIO()
    logger = make_logger("test of control characters")
    logger.registered_handler.setStream(log)  # type: ignore[attr-defined]
    logger.info(name, extra={"file": name, "files": [name]})
    line = log.getvalue().removesuffix("\n")
    assert visible_line(line) == line
    assert visible_line(json.loads(line)["file"]) == visible_line(name)


def test_log_line_of_an_exception_has_only_its_class() -> None:
    log = io.StringIO()
    logger = make_logger("test of exceptions")
    logger.registered_handler.setStream(log)  # type: ignore[attr-defined]
    try:
        int(SECRET)
    except ValueError:
        logger.exception("it failed")
    assert SECRET not in log.getvalue()
    assert json.loads(log.getvalue())["error"] == "ValueError"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"constraint_name": "own"}, 'a row violates constraint "own"'),
        ({"column_name": "c", "pgcode": "23502"}, 'a row violates not-null constraint of column "c"'),
        (
            {"context": 'SQL statement "x"\nPL/pgSQL function olist.own() line 1'},
            "the function olist.own() refuses a row",
        ),
        ({}, "check violation"),
    ],
)
def test_log_describes_a_constraint_violation_with_names_only(given: dict[str, str], words: str) -> None:
    names = dict.fromkeys(("schema_name", "table_name", "constraint_name", "column_name", "context"))
    error = type(
        "CheckViolation",
        (Exception,),
        {"diag": SimpleNamespace(**(names | given)), "pgcode": given.get("pgcode")},
    )
    assert words in describe(error(SECRET))
    assert SECRET not in describe(error(SECRET))


def calls_and_decorators(path: Path) -> Iterator[str]:
    """The names of called functions, and of decorators of functions of (event, context)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if isinstance(node, ast.FunctionDef) and [a.arg for a in node.args.args] == ["event", "context"]:
            yield f"{node.name} is {'' if any('entry_point' in ast.dump(d) for d in node.decorator_list) else 'no '}entry"


def test_every_handler_is_an_entry_point_and_creates_no_telemetry() -> None:
    found = {name for path in FUNCTIONS.rglob("*.py") for name in calls_and_decorators(path)}
    assert "control is entry" in found
    assert not [name for name in found if name.endswith(" is not an entry")]
    forbidden = {
        "Logger",
        "Tracer",
        "Metrics",
        "capture_lambda_handler",
        "inject_lambda_context",
        "capture_method",
    }
    assert not found & forbidden
