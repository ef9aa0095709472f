"""Calls on the embedded cloud that policies do not allow are denied as on AWS."""

from __future__ import annotations

import io
import json
import secrets
import time
import zipfile
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from dataforge_cli.main import app
from local.aws import ClientSettings
from local.config import Config
from local.outputs import Outputs

Statement = dict[str, Any]
ACCOUNT = "000000000000"
LOGS: Statement = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}


@pytest.fixture(scope="module")
def make_role(aws: ClientSettings) -> Callable[..., str]:
    """Create a role with statements; return its ARN."""
    iam = boto3.client("iam", **aws)

    def make(*statements: Statement, by: str = "lambda", **trust: Any) -> str:
        principal = {"Service": f"{by}.amazonaws.com"}
        assume = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **trust}
        name = f"role-{secrets.token_hex(4)}"
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [assume]}))
        document = json.dumps({"Statement": list(statements)})
        iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=document)
        return str(made["Role"]["Arn"])

    return make


@pytest.fixture(scope="module")
def run(aws: ClientSettings) -> Callable[..., str]:
    """Run an expression in a function with a role; return its value, or the error, as text."""
    functions = boto3.client("lambda", **aws)

    def run(role: str, expression: str, **settings: Any) -> str:
        source = (
            "import boto3\nfrom botocore.config import Config\nonce = Config(retries={'total_max_attempts': 1})\n"
            "def client(name):\n    return boto3.client(name, config=once)\n"
            f"def handler(event, context):\n    try:\n        return str({expression})\n"
            "    except Exception as error:\n        return str(error)\n"
        )
        name = f"function-{secrets.token_hex(4)}"
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler="index.handler",
            Code={"ZipFile": zipped(source)},
            Timeout=20,
            **settings,
        )
        return str(json.load(functions.invoke(FunctionName=name)["Payload"]))

    return run


def zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", source)
    return buffer.getvalue()


def allow(action: str, resource: str) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def test_denial_names_principal_action_and_resource(
    make_role: Callable[..., str], run: Callable[..., str], cloud: Outputs
) -> None:
    role = make_role(LOGS)
    found = run(role, f"client('s3').put_object(Bucket={cloud['raw_bucket']!r}, Key='a/b')")
    assert found.startswith("An error occurred (AccessDenied) when calling the PutObject operation: User: ")
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/function-" in found
    assert found.endswith(
        f'is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::{cloud["raw_bucket"]}/a/b" '
        "because no identity-based policy allows the s3:PutObject action"
    )
    assert "AccessDeniedException" in run(
        role, f"client('stepfunctions').start_execution(stateMachineArn={cloud['backup_arn']!r})"
    )


def test_missing_object_looks_like_a_denied_one_without_permission_to_list(
    make_role: Callable[..., str], run: Callable[..., str], cloud: Outputs
) -> None:
    bucket = f"arn:aws:s3:::{cloud['raw_bucket']}"
    call = f"client('s3').get_object(Bucket={cloud['raw_bucket']!r}, Key='missing')"
    only_objects = make_role(allow("s3:GetObject", f"{bucket}/*"))
    assert "s3:ListBucket" in run(only_objects, call)
    assert "(403)" in run(only_objects, call.replace("get_object", "head_object"))
    reader = make_role(allow("s3:GetObject", f"{bucket}/*"), allow("s3:ListBucket", bucket))
    assert "NoSuchKey" in run(reader, call)


def test_function_in_the_vpc_has_the_policy_of_the_endpoint_and_no_other_services(
    make_role: Callable[..., str], run: Callable[..., str], cloud: Outputs, aws: ClientSettings
) -> None:
    everything = make_role(allow("*", "*"))
    functions = boto3.client("lambda", **aws).get_paginator("list_functions").paginate()
    vpc = next(
        one["VpcConfig"]
        for page in functions
        for one in page["Functions"]
        if one.get("VpcConfig", {}).get("SubnetIds")
    )
    inside = {"VpcConfig": {name: vpc[name] for name in ("SubnetIds", "SecurityGroupIds")}}
    boto3.client("s3", **aws).create_bucket(
        Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    read = "client('s3').list_objects_v2(Bucket={!r})['KeyCount'] >= 0"
    assert run(everything, read.format(cloud["raw_bucket"]), **inside) == "True"
    assert "because no VPC endpoint policy allows" in run(everything, read.format("elsewhere"), **inside)
    assert run(everything, read.format("elsewhere")) == "True"
    assert "504" in run(everything, "client('stepfunctions').list_state_machines()", **inside)


def test_function_whose_role_lambda_may_not_assume_does_not_run(
    make_role: Callable[..., str], run: Callable[..., str]
) -> None:
    assert "sts:AssumeRole" in run(make_role(allow("*", "*"), by="states"), "'ran'")


def test_state_machine_needs_permission_for_the_functions_that_it_invokes(
    make_role: Callable[..., str], aws: ClientSettings, cloud: Outputs
) -> None:
    assert execute(aws, make_role(LOGS, by="states"), cloud["schema_arn"]) == (
        "FAILED",
        "Lambda.AWSLambdaException",
    )
    elsewhere = {"ArnLike": {"aws:SourceArn": f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:other"}}
    confused = make_role(allow("lambda:InvokeFunction", "*"), by="states", Condition=elsewhere)
    assert execute(aws, confused, cloud["schema_arn"]) == ("FAILED", "States.TaskFailed")


def test_state_machine_needs_the_permission_of_the_key_and_of_its_role(
    make_role: Callable[..., str], aws: ClientSettings
) -> None:
    kms = boto3.client("kms", **aws)
    made = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    signing = "arn:aws:states:::aws-sdk:kms:generateMac"
    asked = {"KeyId": made["KeyId"], "MacAlgorithm": "HMAC_SHA_256", "Message": "text"}

    def sign(*statements: Statement) -> tuple[str, str]:
        return execute(aws, make_role(*statements, by="states"), signing, Parameters=asked)

    def delegate(principal: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": "kms:*",
            "Resource": "*",
            "Condition": {"StringEquals": {"kms:MacAlgorithm": "HMAC_SHA_256"}},
        }
        kms.put_key_policy(
            KeyId=made["KeyId"], PolicyName="default", Policy=json.dumps({"Statement": [statement]})
        )

    delegate(f"arn:aws:iam::{ACCOUNT}:root")
    assert sign(allow("kms:GenerateMac", made["Arn"])) == ("SUCCEEDED", "")
    assert sign(allow("kms:VerifyMac", made["Arn"])) == ("FAILED", "Kms.KmsException")
    delegate(f"arn:aws:iam::{ACCOUNT}:role/other")
    assert sign(allow("kms:GenerateMac", made["Arn"])) == ("FAILED", "Kms.KmsException")


def execute(aws: ClientSettings, role: str, resource: str, **state: Any) -> tuple[str, str]:
    """The status and the error of a state machine with one task."""
    client = boto3.client("stepfunctions", **aws)
    states = {"Only": {"Type": "Task", "Resource": resource, "End": True, **state}}
    machine = client.create_state_machine(
        name=f"machine-{secrets.token_hex(4)}",
        definition=json.dumps({"StartAt": "Only", "States": states}),
        roleArn=role,
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine)["executionArn"]
    deadline = time.monotonic() + 20
    while (found := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found["status"], found.get("error", "")


@pytest.mark.parametrize(
    ("kind", "properties", "lacking"),
    [
        ("Lambda::Function", {"VpcConfig": {"SubnetIds": ["subnet-1"]}}, "CreateNetworkInterface on EC2"),
        ("Lambda::Function", {"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:::q"}}, "SendMessage on SQS"),
        ("Lambda::Function", {"TracingConfig": {"Mode": "Active"}}, "PutTraceSegments on XRAY"),
        (
            "StepFunctions::StateMachine",
            {"LoggingConfiguration": {"Level": "ERROR"}},
            "not authorized to access the Log Destination",
        ),
    ],
)
def test_function_or_machine_is_created_with_a_role_that_its_service_can_use_only(
    kind: str, properties: dict[str, Any], lacking: str, make_role: Callable[..., str], aws: ClientSettings
) -> None:
    code = {"Code": {"ZipFile": "x"}, "Handler": "index.x", "Runtime": "python3.13"}
    own = code if kind.startswith("Lambda") else {"DefinitionString": "{}"}
    role = make_role(allow("s3:*", "*"))
    role_name = "Role" if kind.startswith("Lambda") else "RoleArn"
    resource = {"Type": f"AWS::{kind}", "Properties": {role_name: role, **own, **properties}}
    client, name = boto3.client("cloudformation", **aws), f"stack-{secrets.token_hex(4)}"
    client.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"It": resource}}))
    deadline = time.monotonic() + 20
    while client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"] != "ROLLBACK_COMPLETE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    assert any(lacking in event.get("ResourceStatusReason", "") for event in events)


def test_event_that_a_rule_may_not_deliver_goes_to_the_dead_letters(
    aws: ClientSettings, cloud: Outputs
) -> None:
    events, sqs = boto3.client("events", **aws), boto3.client("sqs", **aws)
    rule = events.put_rule(Name="undelivered", EventPattern=json.dumps({"source": ["test"]}))["RuleArn"]
    queue = sqs.create_queue(QueueName="undelivered")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    target: Any = {"Id": "it", "Arn": cloud["schema_arn"], "DeadLetterConfig": {"Arn": arn}}
    events.put_targets(Rule="undelivered", Targets=[target])

    def letters() -> int:
        entry: Any = {"Source": "test", "DetailType": "t", "Detail": "{}"}
        events.put_events(Entries=[entry])
        return len(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", []))

    assert letters() == 0
    only = {"ArnEquals": {"aws:SourceArn": rule}}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": only,
    }
    policy = json.dumps({"Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    assert letters() == 1
    events.remove_targets(Rule="undelivered", Ids=["it"])


def test_rule_starts_a_machine_as_the_role_of_its_target(
    make_role: Callable[..., str], aws: ClientSettings
) -> None:
    states, events = boto3.client("stepfunctions", **aws), boto3.client("events", **aws)
    definition = json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}})
    role = make_role(LOGS, by="states")
    machine = states.create_state_machine(name="started", definition=definition, roleArn=role)[
        "stateMachineArn"
    ]

    def runs() -> int:
        return len(states.list_executions(stateMachineArn=machine)["executions"])

    for name, permission in (("denied", LOGS), ("allowed", allow("states:StartExecution", machine))):
        events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
        target: Any = {"Id": "it", "Arn": machine, "RoleArn": make_role(permission, by="events")}
        events.put_targets(Rule=name, Targets=[target])
        entry: Any = {"Source": name, "DetailType": "t", "Detail": "{}"}
        events.put_events(Entries=[entry])
    deadline = time.monotonic() + 20
    while not runs():
        assert time.monotonic() < deadline
    assert runs() == 1


@pytest.mark.slow
def test_schedule_starts_a_machine_as_its_role(make_role: Callable[..., str], aws: ClientSettings) -> None:
    """With the trust policy that CDK creates. The emulator carries out schedules each ten seconds."""
    states, schedules = boto3.client("stepfunctions", **aws), boto3.client("scheduler", **aws)
    definition = json.dumps({"StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}})
    machine = states.create_state_machine(
        name="scheduled", definition=definition, roleArn=make_role(LOGS, by="states")
    )["stateMachineArn"]
    group = f"arn:aws:scheduler:eu-west-1:{ACCOUNT}:schedule-group/default"
    own = {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": group}}
    other = {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": f"{group}-2"}}
    start = allow("states:StartExecution", machine)
    for name, permission, condition in (
        ("denied", LOGS, own),
        ("confused", start, other),
        ("allowed", start, own),
    ):
        role = make_role(permission, by="scheduler", Condition=condition)
        schedules.create_schedule(
            Name=name,
            ScheduleExpression="at(2026-01-01T00:00:00)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": machine, "RoleArn": role, "Input": "{}"},
        )
    deadline = time.monotonic() + 60
    while not (found := states.list_executions(stateMachineArn=machine)["executions"]):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert len(found) == 1


def test_alarm_is_sent_to_its_topic_if_the_topics_policy_allows_it(
    aws: ClientSettings, cloud: Outputs
) -> None:
    alarms, sns, sqs = (
        boto3.client("cloudwatch", **aws),
        boto3.client("sns", **aws),
        boto3.client("sqs", **aws),
    )
    deployed = next(one for one in alarms.describe_alarms()["MetricAlarms"] if one["AlarmActions"])
    other = sns.create_topic(Name="without-a-policy-for-alarms")["TopicArn"]
    alarms.put_metric_alarm(
        AlarmName="other",
        MetricName="any",
        Namespace="test",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=[other],
    )
    queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for topic in (other, *deployed["AlarmActions"]):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for name in ("other", deployed["AlarmName"]):
        alarms.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")
    received = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10, MaxNumberOfMessages=10)["Messages"]
    notices = [json.loads(json.loads(one["Body"])["Message"])["AlarmName"] for one in received]
    assert notices == [deployed["AlarmName"]]


def test_viewer_reads_runs_and_starts_none(
    monkeypatch: pytest.MonkeyPatch, cloud_config: Config, cloud: Outputs
) -> None:
    monkeypatch.setenv("DATAFORGE_ROLE", "viewer")
    assert command(cloud_config, "status").exit_code in (0, 2)
    assert command(cloud_config, "backup", "list").exit_code == 0
    for words in (["backup"], ["keys", "list"], ["doctor"]):
        refused = command(cloud_config, *words)
        assert refused.exit_code != 0
        assert f"assumed-role/{cloud['viewer_role_arn'].rpartition('/')[2]}/dataforge" in refused.stderr
        assert "is not authorized to perform" in refused.stderr


def test_unknown_role_is_a_wrong_call(monkeypatch: pytest.MonkeyPatch, cloud_config: Config) -> None:
    monkeypatch.setenv("DATAFORGE_ROLE", "owner")
    refused = command(cloud_config, "status")
    assert refused.exit_code == 2
    assert "operator and viewer" in refused.stderr


def command(config: Config, *words: str) -> Result:
    return CliRunner().invoke(app, ["--outputs", str(config.outputs), *words])
