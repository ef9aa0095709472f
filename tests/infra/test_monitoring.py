"""Alarms: conditions, thresholds and recipients."""

from __future__ import annotations

from typing import Any

Resources = dict[str, dict[str, dict[str, Any]]]


def alarms(resources: Resources) -> dict[str, dict[str, Any]]:
    return {
        key.removeprefix("Monitoring")[:-8]: alarm["Properties"]
        for key, alarm in resources["AWS::CloudWatch::Alarm"].items()
    }


def test_every_condition_that_needs_an_operator_has_an_alarm(dev: Resources) -> None:
    assert set(alarms(dev)) == {
        "MigrationFailed",
        "MigrationTimedOut",
        "ReleaseLost",
        "BackupFailed",
        "BackupTimedOut",
        "BackupEventLost",
        "BackupDamagedOlist",
        "BackupDamagedQuotes",
        "BackupStaleOlist",
        "BackupStaleQuotes",
        "BackupControlErrors",
        "BackupHoldErrors",
        "BackupWorkErrors",
        "RestoreFailed",
        "RestoreTimedOut",
        "RestoreReleaseLost",
        "RestoreControlErrors",
        "RestoreWorkErrors",
        "SchemaKeeperErrors",
        "SchemaApplyErrors",
        "SchemaUpkeepErrors",
        "MigrateControlErrors",
        "MigrateLoadErrors",
        "IngestErrors",
        "DeliverErrors",
        "AuditRecordErrors",
        "QualityWatchErrors",
        "ExportWorkErrors",
        "QualityBelowThreshold",
        "OperationsErrors",
        "ApiFails",
        "ApiRejects",
        "RejectedText",
        "KeysEnding",
        "PostgresCpu",
        "PostgresStorage",
        "PostgresConnections",
    }


def test_every_alarm_notifies_the_topic_and_describes_the_action(dev: Resources) -> None:
    (topic,) = dev["AWS::SNS::Topic"]
    for name, alarm in alarms(dev).items():
        assert alarm["AlarmActions"] == [{"Ref": topic}]
        assert alarm["AlarmDescription"]
        # A missing backup is detected by missing data.
        stale = name.startswith("BackupStale")
        assert alarm["TreatMissingData"] == ("breaching" if stale else "notBreaching")


def test_no_verified_backup_for_a_day_and_two_hours_is_an_alarm(dev: Resources) -> None:
    alarm = alarms(dev)["BackupStaleOlist"]
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["Threshold"]) == (3600, 26, 1)
    assert (alarm["ComparisonOperator"], alarm["Statistic"]) == ("LessThanThreshold", "Sum")
    assert {d["Name"]: d["Value"] for d in alarm["Dimensions"]} == {"service": "backup", "dataset": "olist"}
    # The evaluation period of CloudWatch is a week at most.
    assert alarm["Period"] * alarm["EvaluationPeriods"] < 7 * 86_400


def test_alarms_of_this_account_may_publish_and_only_over_tls(dev: Resources) -> None:
    (policy,) = dev["AWS::SNS::TopicPolicy"].values()
    statements = {s["Sid"]: s for s in policy["Properties"]["PolicyDocument"]["Statement"]}
    allowed = statements["AlarmsOfThisAccount"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    (denied,) = (s for s in statements.values() if s["Effect"] == "Deny")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_one_failed_migration_raises_the_alarm(dev: Resources) -> None:
    failed = alarms(dev)["MigrationFailed"]
    assert (failed["MetricName"], failed["Threshold"], failed["EvaluationPeriods"]) == (
        "ExecutionsFailed",
        1,
        1,
    )


def test_disk_alarm_has_a_lower_threshold_than_autoscaling(dev: Resources) -> None:
    disk = alarms(dev)["PostgresStorage"]
    assert disk["ComparisonOperator"] == "LessThanThreshold"
    assert disk["Threshold"] < 20 * 2**30 / 10


def test_mail_is_sent_only_with_the_setting(dev: Resources, prod: Resources) -> None:
    assert "AWS::SNS::Subscription" not in dev
    (mail,) = prod["AWS::SNS::Subscription"].values()
    assert (mail["Properties"]["Protocol"], mail["Properties"]["Endpoint"]) == ("email", "ops@example.com")


def test_existing_database_has_no_alarms(existing: Resources) -> None:
    assert not [name for name in alarms(existing) if name.startswith("Postgres")]


def test_there_is_one_dashboard(dev: Resources) -> None:
    (dashboard,) = dev["AWS::CloudWatch::Dashboard"].values()
    assert dashboard["Properties"]["DashboardName"] == "DataForge-dev"
