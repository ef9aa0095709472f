"""The state machine as a resource: what it may do, and who frees the tables of a run that was stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Resources = dict[str, dict[str, dict[str, Any]]]


def test_machine_logs_errors_without_data_and_is_traced(dev: Resources) -> None:
    (found,) = dev["AWS::StepFunctions::StateMachine"].values()
    machine = found["Properties"]
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)
    assert machine["TracingConfiguration"] == {"Enabled": True}


def test_machine_may_touch_its_functions_executions_and_the_report_bucket_only(
    dev: Resources, granted: Callable[[Resources, str], set[tuple[str, str]]]
) -> None:
    pairs = granted(dev, "MigrationMachine")
    assert {place for action, place in pairs if action.startswith("s3:")} == {
        "arn:<AWS::Partition>:s3:::<StorageReport>/*"
    }
    invoked = {place.removesuffix(":*") for action, place in pairs if action == "lambda:InvokeFunction"}
    assert invoked == {"<MigrationMigrateControl.Arn>", "<MigrationMigrateLoad.Arn>"}
    services = {action.split(":")[0] for action, _ in pairs}
    assert services == {"s3", "lambda", "states", "logs", "xray"}
    assert {
        action for action, place in pairs if place == "*" and not action.startswith(("logs:", "xray:"))
    } == set()


def test_run_stopped_from_outside_is_released_and_a_lost_release_kept(dev: Resources) -> None:
    (rule,) = dev["AWS::Events::Rule"].values()
    pattern = rule["Properties"]["EventPattern"]
    assert pattern["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert pattern["detail"]["stateMachineArn"][0]["Ref"].startswith("MigrationMachine")
    (target,) = rule["Properties"]["Targets"]
    assert target["Arn"]["Fn::GetAtt"][0].startswith("MigrationMigrateControl")
    assert target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0].startswith("MigrationDeadLetters")
    transformer = target["InputTransformer"]
    assert set(transformer["InputPathsMap"].values()) == {"$.detail.executionArn", "$.detail.status"}
    assert '"step":"release"' in transformer["InputTemplate"]


def test_function_that_is_called_asynchronously_has_a_dead_letter_queue(dev: Resources) -> None:
    with_queue = {
        key[:-8] for key, f in dev["AWS::Lambda::Function"].items() if "DeadLetterConfig" in f["Properties"]
    }
    assert with_queue == {"MigrationMigrateControl"}
    (queue,) = dev["AWS::SQS::Queue"].values()
    assert queue["Properties"]["SqsManagedSseEnabled"] is True
