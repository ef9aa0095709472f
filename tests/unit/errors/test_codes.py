"""Codes of errors: literals, unique, documented, and the same wherever an error is reported."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections import Counter
from http import HTTPStatus
from pathlib import Path

import pytest

import dataforge
from checks.error_codes import PAGE, all_codes, page
from dataforge.errors import (
    BackupRunning,
    BodyTooLarge,
    Busy,
    CodedError,
    DataForgeError,
    InvalidInput,
    OutOfMemory,
    Refused,
    Temporary,
    Unavailable,
    WorkContinues,
    WrongKey,
)
from dataforge.errors.codes import by_code, meaning, retried_codes, subclasses
from dataforge.errors.problems import code_of, problem_document, problem_type

ROOT = Path(dataforge.__file__).parent
PROJECT = PAGE.parent.parent
ERRORS = [error for error in all_codes() if isinstance(error, type)]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_class_defines_its_code_as_a_literal(error: type[CodedError]) -> None:
    body = ast.parse(inspect.getsource(error)).body[0]
    assert isinstance(body, ast.ClassDef)
    codes = [
        node.value
        for node in body.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and re.match(r"code\b", ast.unparse(node))
    ]
    assert [getattr(code, "value", None) for code in codes] == [error.code]


def test_every_error_is_a_class_of_the_package() -> None:
    """A class elsewhere would report the code and the hint of its base."""
    sources = [path for folder in ("functions", "layers") for path in (PROJECT / folder).rglob("*.py")]
    bases = {error.__name__ for error in by_code().values()}
    found = {
        node.name
        for path in sources
        if ROOT / "errors" not in path.parents
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        and bases & {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    }
    assert found == set()


def test_no_two_errors_share_a_code() -> None:
    assert [code for code, times in Counter(error.code for error in all_codes()).items() if times > 1] == []


def test_page_lists_every_code_with_status_retry_and_hint() -> None:
    assert PAGE.read_text() == page(), "run: python -m checks.error_codes"


def test_renamed_class_keeps_its_code() -> None:
    renamed = type("Renamed", (WrongKey,), {})
    document = problem_document(renamed("No key."), "r-1")
    assert (document["type"], document["title"]) == ("urn:dataforge:problem:wrong-key", "Wrong key")


@pytest.mark.parametrize("code", sorted(by_code()))
def test_code_is_read_from_the_problem_type(code: str) -> None:
    assert code_of(problem_type(code)) == code


@pytest.mark.parametrize("error", by_code().values(), ids=lambda error: error.code)
def test_error_has_a_meaning_and_a_status_of_its_family(error: type[DataForgeError]) -> None:
    assert meaning(error).endswith(".")
    assert error.status >= HTTPStatus.BAD_REQUEST
    if issubclass(error, Refused):
        assert error.status == HTTPStatus.CONFLICT
    if issubclass(error, InvalidInput | Refused):
        assert not error.retried
        assert error.retry_after is None
    if issubclass(error, Temporary):
        assert error.retry_after


def test_state_machines_retry_exactly_the_temporary_failures_of_services() -> None:
    temporary = (Unavailable, Busy, OutOfMemory, BackupRunning, WorkContinues)
    assert set(retried_codes()) == {error.code for error in temporary}
    assert all(list(subclasses(by_code()[code])) == [by_code()[code]] for code in retried_codes())


def test_problem_hides_names_that_are_for_operators() -> None:
    document = problem_document(Unavailable("Cannot connect to the database as dataforge_load"), "r-1")
    assert "dataforge_load" not in document["detail"]


def test_size_that_the_gateway_does_not_report_is_left_out() -> None:
    assert str(BodyTooLarge()) == "The body is too large. Hint: Send fewer records per request."
    assert "5 bytes" in str(BodyTooLarge(5, 4))


def test_import_of_the_errors_loads_neither_pydantic_nor_row_models() -> None:
    program = (
        "import sys, dataforge.errors; from dataforge.errors import NotFound;"
        "print([m for m in sys.modules if m.startswith(('pydantic', 'datasets', 'dataforge.'))"
        " and not m.startswith('dataforge.errors')])"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"
