"""On a deployed app whose functions wait for two seconds only, runs continue with work that takes longer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import boto3
import psycopg2
import pytest

from local import cloud as embedded
from local.aws import client_settings
from local.command import dataforge
from local.config import Config
from local.generate import generate
from local.outputs import Outputs

LIMITS = {"UNATTENDED_BYTES": "0", "ATTENDED_SECONDS": "2"}
GATE = """
    CREATE TABLE public.gate ();
    CREATE FUNCTION public.wait_for_gate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        WHILE NOT EXISTS (SELECT FROM public.gate) LOOP PERFORM pg_sleep(0.05); END LOOP;
        RETURN NULL;
    END $$;
    CREATE TRIGGER wait_for_gate AFTER INSERT OR UPDATE OR DELETE ON olist.customers FOR EACH STATEMENT
    EXECUTE FUNCTION public.wait_for_gate()
"""
"""A trigger that waits until the table has a row."""
CALLED_OFTEN = """
    SELECT 1 FROM dataforge.migration_steps WHERE step = 'publish' GROUP BY migration_id HAVING count(*) > 2
"""
HUNG_UP = """
    SELECT 1 FROM dataforge.restore_work JOIN pg_stat_activity USING (pid)
    WHERE (name LIKE 'switch by %' OR name = 'compare') AND result IS NULL AND now() - started_at > interval '5 seconds'
"""
"""The function's call has ended, and the backend still works."""


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[tuple[Outputs, list[str]]]:
    """An app with rows of olist, whose functions have these limits."""
    state, data = tmp_path_factory.mktemp("unattended") / "state", tmp_path_factory.mktemp("olist")
    generate(data, 20, 5)
    config = Config(state=state, aws_port=free_port(), pg_port=free_port())
    with embedded.running(config) as outputs:
        target = ["--outputs", str(config.outputs)]
        dataforge(target, "migrate", str(data))
        _limit(boto3.client("lambda", **client_settings(outputs)))
        yield outputs, target


def _limit(functions: Any) -> None:
    for page in functions.get_paginator("list_functions").paginate():
        for found in page["Functions"]:
            if "MigrateControl" in found["FunctionName"] or "RestoreControl" in found["FunctionName"]:
                variables = found["Environment"]["Variables"] | LIMITS
                functions.update_function_configuration(
                    FunctionName=found["FunctionName"], Environment={"Variables": variables}
                )


def query(outputs: Outputs, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(outputs["database_url"])) as db, db, db.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def until(outputs: Outputs, statement: str) -> None:
    deadline = time.monotonic() + 120
    while not query(outputs, statement):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def opened(outputs: Outputs) -> Iterator[None]:
    """Open the gate afterwards, even if the test fails, because the command waits for it."""
    try:
        yield
    finally:
        query(outputs, "INSERT INTO public.gate DEFAULT VALUES")


@pytest.fixture
def gate(deployed: tuple[Outputs, list[str]]) -> Iterator[None]:
    outputs, _ = deployed
    query(outputs, GATE)
    yield
    query(outputs, "DROP TABLE public.gate; DROP FUNCTION public.wait_for_gate() CASCADE")


def test_migration_continues_with_a_merge_that_outlasts_its_function(
    deployed: tuple[Outputs, list[str]], gate: None, tmp_path: Path
) -> None:
    outputs, target = deployed
    generate(tmp_path, 20, 6)
    before = query(outputs, "SELECT count(*) FROM olist.customers")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(dataforge, target, "migrate", str(tmp_path), "--prefix", "more")
        with opened(outputs):
            until(outputs, CALLED_OFTEN)
            assert query(outputs, "SELECT count(*) FROM olist.customers") == before
        result = running.result()
    assert result["status"] == "published"
    loaded = next(t["loaded"] for t in result["tables"] if t["table"] == "customers")
    assert query(outputs, "SELECT count(*) FROM olist.customers") == [(before[0][0] + loaded,)]


def restore_changed(outputs: Outputs, target: list[str], *options: str) -> dict[str, Any]:
    """The result of a restore of a table of which every row was changed; the trigger waits while a function ends."""
    dataforge(target, "backup")
    query(outputs, "ALTER TABLE olist.customers DISABLE TRIGGER wait_for_gate")
    query(outputs, "UPDATE olist.customers SET customer_city = 'other'")
    query(outputs, "ALTER TABLE olist.customers ENABLE TRIGGER wait_for_gate")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(dataforge, target, "restore", "customers", *options)
        with opened(outputs):
            until(outputs, HUNG_UP)
        return running.result()


def test_restore_continues_with_changes_that_outlast_its_function(
    deployed: tuple[Outputs, list[str]], gate: None
) -> None:
    outputs, target = deployed
    assert restore_changed(outputs, target)["changed"] > 0
    assert query(outputs, "SELECT count(*) FROM olist.customers WHERE customer_city = 'other'") == [(0,)]


def test_dry_run_continues_with_trials_that_outlast_its_function(
    deployed: tuple[Outputs, list[str]], gate: None
) -> None:
    outputs, target = deployed
    assert restore_changed(outputs, target, "--dry-run")["changed"] > 0
    assert query(outputs, "SELECT count(*) FROM olist.customers WHERE customer_city <> 'other'") == [(0,)]
