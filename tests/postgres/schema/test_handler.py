"""The applier's handler, with the passwords of the master and of each role."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from dataforge.errors import InvalidInput, SchemaRefused, TooFewConnections, Unavailable
from dataforge.postgres.connection_budget import Budget
from dataforge.postgres.roles import LOGINS
from dataforge.tables.datasets import DATASETS
from dataforge.tables.structure import Structure, describe
from functions.schema import handler

if TYPE_CHECKING:
    from tests.postgres.conftest import Database

PASSWORD = "for the tests"
PASSWORDS: dict[str, str] = dict.fromkeys(LOGINS, PASSWORD)
CONTEXT: Any = SimpleNamespace(
    function_name="schema",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:eu-central-1:000000000000:function:schema",
    aws_request_id="request",
)


BUDGET = {"load_concurrency": 2, "backup_concurrency": 2, "export_concurrency": 1}


@pytest.fixture
def environment(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The applier's variables. Its limits are those of the server that all tests share."""
    for name, value in (database.settings("").model_dump() | BUDGET).items():
        monkeypatch.setenv(name.upper(), str(value))
    ((connections,),) = database.query("SELECT current_setting('max_connections')::integer")
    limits = Budget(**BUDGET).limits(connections, "the server")
    database.server.run(*(f"ALTER ROLE {role} CONNECTION LIMIT {limit}" for role, limit in limits.items()))
    yield
    database.server.run(*(f"ALTER ROLE {role} CONNECTION LIMIT -1" for role in LOGINS))


@pytest.mark.usefixtures("environment")
def test_error_names_settings_that_need_more_connections_than_the_server_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOAD_CONCURRENCY", "40")
    with pytest.raises(TooFewConnections, match="loadConcurrency=40"):
        call("apply")


def call(action: str, master: str = PASSWORD, **more: Any) -> Any:
    event = {
        "action": action,
        "master": {"username": "master", "password": master},
        "passwords": PASSWORDS | {role: more.pop(role) for role in LOGINS if role in more},
        **more,
    }
    return handler.apply(event, CONTEXT)


ENTRIES = "SELECT operation, result, principal_kind, principal, requested_by, error FROM dataforge.audit ORDER BY id"


@pytest.mark.usefixtures("environment")
def test_deployment_and_repair_are_audited_with_their_principals(database: Database) -> None:
    stack = {"kind": "stack", "principal": "arn:aws:cloudformation:eu-west-1:1:stack/shop/1"}
    call("apply", applicant=stack)
    call("apply", applicant={"principal": "request-1", "requested_by": "arn:aws:iam::1:user/ann"})
    assert database.query(ENTRIES) == [
        ("schema_apply", "succeeded", *stack.values(), None, None),
        ("repair", "succeeded", "invocation", "request-1", "arn:aws:iam::1:user/ann", None),
    ]


@pytest.mark.usefixtures("environment")
def test_refused_apply_is_audited_with_its_code(database: Database) -> None:
    database.query("ALTER TABLE olist.sellers OWNER TO master")
    with pytest.raises(SchemaRefused):
        call("apply", applicant={"kind": "stack", "principal": "arn:stack"}, planned="0" * 33)
    assert database.query(ENTRIES) == [
        ("schema_apply", "failed", "stack", "arn:stack", None, "SchemaRefused")
    ]


@pytest.mark.usefixtures("environment")
def test_invalid_requester_is_refused() -> None:
    with pytest.raises(InvalidInput):
        call("apply", applicant={"principal": "request-1", "requested_by": "two\nlines"})


@pytest.mark.usefixtures("environment")
def test_apply_deletes_expired_entries_of_the_audit_and_records_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.query(
        "INSERT INTO dataforge.audit (at, operation, result, principal_kind, principal)"
        " VALUES (now() - interval '101 days', 'repair', 'succeeded', 'invocation', 'old'),"
        " (now() - interval '99 days', 'repair', 'succeeded', 'invocation', 'recent')"
    )
    monkeypatch.setenv("AUDIT_DAYS", "100")
    call("apply", applicant={"principal": "now"})
    assert [entry[:4:3] for entry in database.query(ENTRIES)] == [
        ("repair", "recent"),
        ("repair", "now"),
        ("audit_expiry", "now"),
    ]


@pytest.mark.usefixtures("environment")
def test_applier_lists_the_audit_in_pages(database: Database) -> None:
    database.query(
        "INSERT INTO dataforge.audit (operation, result, principal_kind, principal)"
        " SELECT 'repair', 'succeeded', 'invocation', n FROM generate_series(0, 2) n"
    )
    first = call("audit", query={"limit": 2}, before=None)
    second = call("audit", query={"limit": 2}, before=first["before"])
    found = [entry["principal"]["id"] for page in (first, second) for entry in page["data"]]
    assert (found, second["before"]) == (["2", "1", "0"], None)


@pytest.mark.usefixtures("environment")
def test_doctor_reports_nothing_for_an_intact_database_with_valid_passwords() -> None:
    assert call("doctor") == {"findings": []}


@pytest.mark.usefixtures("environment")
def test_wrong_master_password_is_reported_with_a_hint() -> None:
    [finding] = call("doctor", master="a wrong one")["findings"]
    assert finding["code"] == "no_master"
    assert finding["object"] == "master"
    assert "password authentication failed" in finding["detail"]
    assert "a wrong one" not in str(finding)
    assert finding["hint"] == handler.MASTER_HINT


@pytest.mark.usefixtures("environment")
def test_wrong_master_password_stops_a_repair() -> None:
    with pytest.raises(Unavailable, match="as master: password authentication failed"):
        call("apply", master="a wrong one")


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("role", LOGINS)
def test_password_that_differs_from_its_secret_is_reported_and_reset(database: Database, role: str) -> None:
    database.query(f"ALTER ROLE {role} PASSWORD 'another'")
    try:
        [finding] = call("doctor")["findings"]
        assert (finding["code"], finding["object"]) == ("no_sign_in", role)
        assert "password authentication failed" in finding["detail"]
    finally:
        call("apply")
    assert call("doctor") == {"findings": []}


@pytest.mark.usefixtures("environment")
def test_role_that_cannot_sign_in_is_reported_once(database: Database) -> None:
    database.query("ALTER ROLE dataforge_load NOLOGIN")
    try:
        assert [f["code"] for f in call("doctor")["findings"]] == ["no_login"]
    finally:
        call("apply")


@pytest.mark.usefixtures("environment")
def test_plan_of_the_deployed_catalogue_has_no_statement() -> None:
    catalogue = Structure(datasets=tuple(map(describe, DATASETS.values()))).model_dump(mode="json")
    event = {"action": "plan", "master": {"username": "master", "password": PASSWORD}, "catalogue": catalogue}
    answer = handler.apply(event, CONTEXT)
    assert (answer["statements"], answer["later"], answer["refusals"]) == ([], [], [])
