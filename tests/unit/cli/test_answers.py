"""Output of the command line: tables on stderr, one JSON document on stdout, and messages for AWS failures."""

from __future__ import annotations

import io
import json

import botocore.exceptions
import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from dataforge.runs.results.migration import MigrationOutput
from dataforge.runs.results.report import Example, Reason
from dataforge.runs.results.restore import RestoreOutput
from dataforge_cli.aws.failures import explain
from dataforge_cli.output.screen import Screen, one_line
from dataforge_cli.output.tables import findings, percent, reasons, summary
from dataforge_cli.runs.migration import not_loaded
from dataforge_cli.runs.restores import adaptations

OUTPUT = {
    "migration_id": "20261122T101500Z-89ab12cd",
    "status": "published",
    "dataset": "olist",
    "report": "s3://report/report.json",
    "quality": 0.99995,
    "tables": [
        {"table": "orders", "read": 12000, "loaded": 9000, "unchanged": 1000, "deduplicated": 1999}
        | {"rejected": 1, "updated": 0, "quality": 0.99995},
        {"table": "sellers", "read": 0, "loaded": 0, "unchanged": 0, "deduplicated": 0}
        | {"rejected": 0, "updated": 0, "quality": 1.0},
    ],
}


@pytest.fixture(autouse=True)
def no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)


def text(part: object) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_summary_has_every_count_and_the_totals() -> None:
    lines = [line.split() for line in text(summary(MigrationOutput.model_validate(OUTPUT))).splitlines()]
    assert ["orders", "12,000", "9,000", "1,000", "1,999", "1", "99.99", "%"] in lines
    assert ["sellers", "0", "0", "0", "0", "0", "100.00", "%"] in lines
    assert ["total", "12,000", "9,000", "1,000", "1,999", "1", "99.99", "%"] in lines


def test_tables_that_were_not_loaded_are_named_with_the_reason() -> None:
    assert not_loaded(MigrationOutput.model_validate(OUTPUT)) == []
    found = MigrationOutput.model_validate(OUTPUT | {"known_tables": ["orders", "sellers"]})
    reason = "Not loaded, because their files and rows are those of the last run"
    assert not_loaded(found) == [f"{reason}: orders, sellers."]


def test_restore_of_an_older_backup_shows_how_columns_were_adapted() -> None:
    figures = {"restored": 1, "added": 0, "removed": 0, "changed": 0}
    orders = figures | {"table": "orders", "adapted": ["total is NULL: the backup lacks it"]}
    output = figures | {"restore_id": "r", "dataset": "olist", "backup": "b", "dry_run": True}
    found = RestoreOutput.model_validate(output | {"safety_backup": None, "tables": [orders]})
    assert list(adaptations(found)) == ["orders: total is NULL: the backup lacks it"]


def test_summary_has_updated_rows_only_if_rows_were_updated() -> None:
    sellers = OUTPUT["tables"][1] | {"read": 2, "loaded": 2, "updated": 1}  # type: ignore[index]
    output = MigrationOutput.model_validate(OUTPUT | {"tables": [sellers]})
    lines = [line.split() for line in text(summary(output)).splitlines()]
    assert ["sellers", "2", "2", "0", "0", "0", "1", "100.00", "%"] in lines


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (1.0, "100.00 %"),
        (0.999999, "99.99 %"),
        (0.95, "95.00 %"),
        (0.0, "0.00 %"),
        (1e-05, "0.00 %"),
        (None, "not known"),
    ],
)
def test_share_is_never_rounded_up(share: float | None, words: str) -> None:
    assert percent(share) == words


# A deployment older than the command line reports the hint as way_out.
@pytest.mark.parametrize("name", ["hint", "way_out"])
def test_findings_show_object_detail_and_hint(name: str) -> None:
    found = [{"code": "missing_grant", "object": "olist.orders", "detail": "It lacks [x].", name: "Repair."}]
    shown = text(findings(found))
    for words in ("olist.orders", "It lacks [x]. (missing_grant)", "Repair."):
        assert words in shown


@pytest.mark.parametrize("sign", ["\x1b", "\x07", "\r", "\x7f", "\x9b", "\u202e"])
def test_control_characters_of_file_names_and_records_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str], sign: str
) -> None:
    screen = Screen()
    screen.say(f"a{sign}[31mb")
    example = Example(file="f", line=1, message="Field required", raw=f"a{sign}d")
    missing = Reason(code="missing", column="x", rows=1, examples=(example,))
    screen.show(f"a{sign}c", summary(MigrationOutput.model_validate(OUTPUT)), reasons([missing]))
    captured = capsys.readouterr()
    assert sign not in captured.out + captured.err
    assert captured.out.startswith("a")


def test_json_goes_to_stdout_and_tables_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(as_json=True).answer({"status": "é"}, "for people")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"status": "é"}
    assert captured.err == "for people\n"


def test_stdout_is_empty_without_json(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().answer({"status": "x"}, "for people")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("for people\n", "")


def test_failure_is_printed_as_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    Screen().fail("two\n  lines, " + "long " * 100 + "[bold]not markup[/bold]")
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("error: two lines, long")
    assert "[bold]not markup[/bold]" in captured.err


def test_white_space_is_collapsed_to_one_space() -> None:
    assert one_line(" a\n\n b\t c ") == "a b c"


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "That was it."}}, "HeadObject")


@pytest.mark.parametrize(
    ("code", "way_out"),
    [
        ("ExpiredToken", "aws sso login"),
        ("InvalidClientTokenId", "aws sso login"),
        ("AccessDenied", "permission"),
        ("403", "permission"),
        ("NoSuchBucket", "Deploy again"),
        ("StateMachineDoesNotExist", "Deploy again"),
        ("Strange", "That was it"),
    ],
)
def test_refusal_of_aws_is_printed_with_code_and_hint(code: str, way_out: str) -> None:
    failure = explain(client_error(code))
    assert failure.name == code
    assert code in str(failure)
    assert way_out in str(failure)


@pytest.mark.parametrize(
    ("error", "way_out"),
    [
        (botocore.exceptions.NoCredentialsError(), "aws configure"),
        (botocore.exceptions.UnauthorizedSSOTokenError(), "aws sso login"),
        (botocore.exceptions.NoRegionError(), "AWS_REGION"),
        (botocore.exceptions.ProfileNotFound(profile="x"), "AWS_PROFILE"),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="http://127.0.0.1:4566"), "make local"),
        (botocore.exceptions.ConnectTimeoutError(endpoint_url="http://127.0.0.1:4566"), "make local"),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="http://127.0.0.1:4566"), "make local"),
    ],
)
def test_error_of_the_environment_has_a_hint(error: BotoCoreError, way_out: str) -> None:
    assert way_out in str(explain(error))


def test_message_for_a_failed_upload_names_the_file() -> None:
    assert "orders.csv" in str(
        explain(S3UploadFailedError("Failed to upload orders.csv to raw/olist/orders.csv"))
    )
