"""The table ``dataforge.audit``, and the function by which logins append to it.

No login has a privilege on the table but SELECT (the deliver function). The function runs with the rights of the table's
owner and sets what a caller must not choose: the time, the login, and the kind of the principal, which follows from the
login. So a function that was taken over can neither change an entry nor record in the name of another kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from dataforge.audit.operations import RECORDED_BY, Result
from dataforge.postgres.roles import RECORD_AUDIT
from dataforge.postgres.sql import Sql, ident, literal

_LENGTHS = {"result": 20, "principal": 2048, "requested_by": 300, "dataset": 63, "error": 100}
"""The longest text of each column; the function cuts longer ones. An ARN has at most 2,048 characters."""

MOST_OBJECT_CHARACTERS = 20_000
"""The longest ``object``, as JSON."""


def _cut(column: str) -> Sql:
    return Sql("left(record_audit.{column}, {length})").format(
        column=ident(column),
        length=_LENGTHS[column],
    )


def _permitted() -> Iterator[Sql]:
    """The rows (login, kind, operations) of what each login may record."""
    for login, (kind, operations) in RECORDED_BY.items():
        names = Sql(", ").join(map(literal, operations))
        yield Sql("({}, {}, ARRAY[{}])").format(literal(login), literal(kind), names)


_RECORD = Sql("""CREATE OR REPLACE FUNCTION dataforge.record_audit(
        operation text, result text, principal text, requested_by text, dataset text, object jsonb, error text)
    RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
    #variable_conflict use_column
    DECLARE
        kind text;
        permitted text[];
        begun dataforge.audit;
        chosen text;
        about jsonb;
        stored jsonb;
    BEGIN
        SELECT p.kind, p.operations INTO kind, permitted FROM (VALUES {permitted}) p(login, kind, operations)
        WHERE p.login = session_user;
        SELECT a.* INTO begun FROM dataforge.audit a
        WHERE kind = 'execution' AND a.principal_kind = kind AND a.principal = {principal}
            AND a.login = session_user AND a.result = 'started'
            AND a.operation = coalesce(nullif(record_audit.operation, ''), a.operation)
        ORDER BY a.id LIMIT 1;
        chosen := coalesce(nullif(record_audit.operation, ''), begun.operation, permitted[1]);
        IF kind IS NULL OR chosen <> ALL (permitted) OR coalesce({principal}, '') = '' OR {result} <> ALL (ARRAY[{results}])
        THEN
            RAISE EXCEPTION 'the login may not record this' USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF record_audit.result = 'refused' AND begun.id IS NOT NULL THEN
            RETURN NULL;
        END IF;
        about := coalesce(begun.object, '{{}}') || coalesce(record_audit.object, '{{}}');
        IF length(about::text) > {most} THEN
            about := '{{"cut": true}}';
        END IF;
        IF kind = 'api_key' AND EXISTS (
            SELECT FROM dataforge.audit a WHERE a.at > now() - interval '1 minute' AND a.principal_kind = kind
                AND a.principal = {principal} AND a.operation = chosen AND a.result = {result} AND a.object = about)
        THEN
            RETURN NULL;
        END IF;
        INSERT INTO dataforge.audit
            (login, operation, result, principal_kind, principal, requested_by, dataset, object, error)
        VALUES (session_user, chosen, {result}, kind, {principal}, coalesce(begun.requested_by, {requested_by}),
                coalesce(begun.dataset, {dataset}), about, {error})
        ON CONFLICT DO NOTHING
        RETURNING to_jsonb(audit.*) INTO stored;
        RETURN stored;
    END $function$""").format(
    permitted=Sql(", ").join(_permitted()),
    results=Sql(", ").join(map(literal, get_args(Result))),
    most=MOST_OBJECT_CHARACTERS,
    **{column: _cut(column) for column in _LENGTHS},
)
"""Append an entry, and return it. Returns NULL if the execution has it already (a step was retried), or if the key made the
same request within the last minute.

An empty ``operation`` is that of the execution's start, or else the login's first. The end of an execution is about the same
object as its start, and an execution that has started is not refused later.
"""

AUDIT = (
    Sql("""CREATE TABLE IF NOT EXISTS dataforge.audit (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        login text NOT NULL DEFAULT session_user,
        operation text NOT NULL,
        result text NOT NULL,
        principal_kind text NOT NULL,
        principal text NOT NULL,
        requested_by text,
        dataset text,
        object jsonb NOT NULL DEFAULT '{}',
        error text)"""),
    Sql("""CREATE UNIQUE INDEX IF NOT EXISTS audit_execution ON dataforge.audit (principal, operation, result)
        WHERE principal_kind = 'execution'"""),
    Sql("""CREATE INDEX IF NOT EXISTS audit_time ON dataforge.audit (at)"""),
    _RECORD,
    Sql("REVOKE ALL ON FUNCTION {} FROM PUBLIC").format(RECORD_AUDIT),
)
"""The statements that create them. Each can be repeated."""
