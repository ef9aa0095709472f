"""Each patch of the emulator is necessary and effective.

Every test compares the unpatched emulator with the patched one. If a newer emulator no longer needs a patch,
the check of the unpatched emulator fails, and the patch can be deleted.
"""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import signal
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import psycopg2
import pytest
import urllib3
from botocore.exceptions import ClientError

from local import aws as emulator
from local import ports, processes
from local.aws import ClientSettings
from local.config import CLOUD_PYTHON, Config
from tests.e2e.cloud.conftest import create_role

if TYPE_CHECKING:
    from dataforge.postgres.types import Connection


UNKNOWN_TYPES = (
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::FlowLog",
)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[ClientSettings]:
    """The emulator without patches."""
    state = tmp_path_factory.mktemp("plain")
    config = Config(state=state, aws_port=free_port())
    config.temp.mkdir()
    pid_file, log = state / "pid", state / "log"
    environment = emulator.environment(config)
    processes.start(pid_file, [CLOUD_PYTHON, "-m", "ministack"], env=environment, cwd=state, log=log)
    processes.wait_until_ready("ministack", pid_file, log, lambda: ports.answers(config.aws_port))
    # Any credentials will do.
    yield {
        "endpoint_url": config.endpoint,
        "region_name": config.region,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    processes.stop(pid_file, signal.SIGKILL)
    processes.sweep(state)


@pytest.fixture(scope="module", autouse=True)
def role(aws: ClientSettings) -> None:
    """A role for the functions and state machines of these tests, which may do everything."""
    create_role(aws)


def stack(settings: ClientSettings, name: str, template: dict[str, Any]) -> dict[str, str]:
    """Create the stack; return its outputs, or {"failed": reason}."""
    client = boto3.client("cloudformation", **settings)
    client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    while (found := client.describe_stacks(StackName=name)["Stacks"][0])[
        "StackStatus"
    ] == "CREATE_IN_PROGRESS":
        time.sleep(0.05)
    if found["StackStatus"] != "CREATE_COMPLETE":
        events = client.describe_stack_events(StackName=name)["StackEvents"]
        return {"failed": "; ".join(event.get("ResourceStatusReason", "") for event in events)}
    return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


def delete(settings: ClientSettings, name: str) -> None:
    client = boto3.client("cloudformation", **settings)
    identifier = client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    client.delete_stack(StackName=name)
    # By its id, under which a stack is visible after its deletion.
    while client.describe_stacks(StackName=identifier)["Stacks"][0]["StackStatus"] != "DELETE_COMPLETE":
        time.sleep(0.05)


def zipped(source: str, path: str = "index.py") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(path, source)
    return buffer.getvalue()


def make_function(settings: ClientSettings, name: str, source: str, layers: tuple[str, ...] = ()) -> str:
    boto3.client("lambda", **settings).create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/any",
        Handler="index.handler",
        Code={"ZipFile": zipped(source)},
        Layers=list(layers),
        Timeout=10,
    )
    return name


def invoke(settings: ClientSettings, name: str, event: object = None) -> Any:
    client = boto3.client("lambda", **settings)
    return json.load(client.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"])


@pytest.mark.parametrize("kind", UNKNOWN_TYPES)
def test_template_with_a_type_unknown_to_the_emulator_is_valid(
    kind: str, plain: ClientSettings, aws: ClientSettings
) -> None:
    template = json.dumps({"Resources": {"It": {"Type": kind, "Properties": {}}}})
    with pytest.raises(boto3.client("cloudformation", **plain).exceptions.ClientError, match="Unrecognized"):
        boto3.client("cloudformation", **plain).validate_template(TemplateBody=template)
    boto3.client("cloudformation", **aws).validate_template(TemplateBody=template)


def test_database_instance_is_a_database_on_the_embedded_server(
    plain: ClientSettings, aws: ClientSettings, cloud_config: Config
) -> None:
    properties = {
        "Engine": "postgres",
        "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": "20",
        "DBName": "patched",
        "MasterUsername": 'it\'s "me"',
        "MasterUserPassword": "p'w\"d",
    }
    template = {
        "Resources": {"Db": {"Type": "AWS::RDS::DBInstance", "Properties": properties}},
        "Outputs": {
            "Host": {"Value": {"Fn::GetAtt": ["Db", "Endpoint.Address"]}},
            "Port": {"Value": {"Fn::GetAtt": ["Db", "Endpoint.Port"]}},
        },
    }
    assert stack(plain, "database", template)["Host"].endswith("rds.amazonaws.com")
    found = stack(aws, "database", template)
    assert found == {"Host": "127.0.0.1", "Port": str(cloud_config.pg_port)}

    def log_in() -> Connection:
        master, password = properties["MasterUsername"], properties["MasterUserPassword"]
        return psycopg2.connect(
            host=found["Host"], port=found["Port"], dbname="patched", user=master, password=password
        )

    with closing(log_in()) as db:
        with db.cursor() as cursor:
            cursor.execute("CREATE ROLE patched_reader")
            cursor.execute("GRANT rds_iam TO patched_reader")
            cursor.execute("SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user")
            assert cursor.fetchone() == (False, True)
        db.rollback()
    delete(aws, "database")
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        log_in()


def test_stack_operation_is_answered_when_it_has_ended(plain: ClientSettings, aws: ClientSettings) -> None:
    resources = {
        "Signal": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Never": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": {"Handle": {"Ref": "Signal"}, "Timeout": "1"},
        },
    }

    def status(settings: ClientSettings) -> str:
        client = boto3.client("cloudformation", **settings)
        client.create_stack(StackName="waits", TemplateBody=json.dumps({"Resources": resources}))
        return client.describe_stacks(StackName="waits")["Stacks"][0]["StackStatus"]

    assert status(plain) == "CREATE_IN_PROGRESS"
    assert status(aws) == "ROLLBACK_COMPLETE"


def test_failed_invocation_has_the_name_of_the_exception(plain: ClientSettings, aws: ClientSettings) -> None:
    source = "class Busy(Exception): pass\ndef handler(event, context):\n    raise Busy('come back')\n"
    answers = [invoke(at, make_function(at, "exception-names", source)) for at in (plain, aws)]
    assert answers[0]["errorType"] == "Runtime.HandlerError"
    assert (answers[1]["errorType"], answers[1]["errorMessage"]) == ("Busy", "come back")
    assert "raise Busy" in answers[1]["stackTrace"][-1]
    assert answers[1]["requestId"]


def test_process_that_exits_is_reported_as_exit_error(plain: ClientSettings, aws: ClientSettings) -> None:
    source = "import os\ndef handler(event, context):\n    os._exit(1)\n"
    answers = [invoke(at, make_function(at, "function-that-exits", source)) for at in (plain, aws)]
    assert [answer["errorType"] for answer in answers] == ["Runtime.HandlerError", "Runtime.ExitError"]


def test_invocation_does_not_wait_for_the_log(plain: ClientSettings, aws: ClientSettings) -> None:
    def fastest(settings: ClientSettings) -> float:
        """The duration of the fastest of ten invocations in seconds."""
        name = make_function(settings, "log-wait", "def handler(event, context):\n    return event\n")
        client = boto3.client("lambda", **settings)
        times = []
        for _ in range(11):
            begun = time.perf_counter()
            client.invoke(FunctionName=name)
            times.append(time.perf_counter() - begun)
        return min(times)

    assert fastest(plain) > 0.050
    assert fastest(aws) < 0.040


def test_output_of_an_invocation_is_in_its_log(aws: ClientSettings) -> None:
    source = (
        "import sys\ndef handler(event, context):\n    print('seen ' * event)\n    print()\n"
        "    sys.stdout.write('no newline')\n    return event\n"
    )
    name = make_function(aws, "logs", source)
    for number in (1, 2, 3):
        assert invoke(aws, name, number) == number
    client = boto3.client("logs", **aws)
    streams = client.describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
    logs = [
        client.get_log_events(logGroupName=f"/aws/lambda/{name}", logStreamName=stream["logStreamName"])[
            "events"
        ]
        for stream in streams
    ]
    lines = [[event["message"] for event in events][1:-2] for events in logs]
    assert sorted(lines) == [["seen " * number, "", "no newline"] for number in (1, 2, 3)]


def test_functions_share_the_files_of_a_layer(plain: ClientSettings, aws: ClientSettings) -> None:
    def places(settings: ClientSettings) -> set[str]:
        """The paths at which two functions find their common layer."""
        client = boto3.client("lambda", **settings)
        content = zipped("NAME = 'shared'", "python/shared_layer.py")
        layer = client.publish_layer_version(LayerName="shared", Content={"ZipFile": content})
        source = (
            "import os, shared_layer\n"
            "def handler(event, context):\n    return os.path.realpath(shared_layer.__file__)\n"
        )
        names = [make_function(settings, f"layers-{n}", source, (layer["LayerVersionArn"],)) for n in (1, 2)]
        return {invoke(settings, name) for name in names}

    assert len(places(plain)) == 2
    assert len(places(aws)) == 1


def test_execution_beyond_the_concurrency_limit_fails_with_too_many_requests(
    plain: ClientSettings, aws: ClientSettings
) -> None:
    """A reserved concurrency of 0 refuses every execution like an exhausted limit of the account."""

    def error(settings: ClientSettings) -> str:
        name = make_function(settings, "refused", "def handler(event, context):\n    return 1\n")
        boto3.client("lambda", **settings).put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=0
        )
        task = {
            "Type": "Task",
            "Resource": f"arn:aws:lambda:eu-west-1:000000000000:function:{name}",
            "End": True,
        }
        return status_after(settings, json.dumps({"StartAt": "Only", "States": {"Only": task}}), 10)[1]

    assert error(plain) == "Lambda.Unknown"
    assert error(aws) == "Lambda.TooManyRequestsException"


def test_state_that_invokes_a_function_as_an_event_does_not_have_its_error(
    plain: ClientSettings, aws: ClientSettings
) -> None:
    def status(settings: ClientSettings) -> str:
        name = make_function(
            settings, "event", "def handler(event, context):\n    raise ValueError('later')\n"
        )
        parameters = {"FunctionName": name, "InvocationType": "Event", "Payload": {}}
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": parameters,
            "End": True,
        }
        return status_after(settings, json.dumps({"StartAt": "Only", "States": {"Only": task}}), 10)[0]

    assert status(plain) == "FAILED"
    assert status(aws) == "SUCCEEDED"


def test_gateway_returns_its_integration_failure_if_a_function_is_refused_or_fails(
    plain: ClientSettings, aws: ClientSettings
) -> None:
    def statuses(settings: ClientSettings) -> list[tuple[int, str | None]]:
        source = "def handler(event, context):\n    raise ValueError('inside')\n"
        name = make_function(settings, "behind-a-gateway", source)
        url = make_api(settings, name)
        functions = boto3.client("lambda", **settings)
        found = [get(url)]
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        return [*found, get(url)]

    assert [status for status, _ in statuses(plain)] == [502, 429]
    assert statuses(aws) == [(503, "2")] * 2


def make_api(settings: ClientSettings, function: str, *, key_required: bool = False) -> str:
    """Create a REST API with one route, whose INTEGRATION_FAILURE is 503 with Retry-After; return its address."""
    gateway = boto3.client("apigateway", **settings)
    api = gateway.create_rest_api(name=function)["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    gateway.put_method(
        restApiId=api,
        resourceId=root,
        httpMethod="GET",
        authorizationType="NONE",
        apiKeyRequired=key_required,
    )
    arn = f"arn:aws:lambda:{settings['region_name']}:000000000000:function:{function}"
    boto3.client("lambda", **settings).add_permission(
        FunctionName=function,
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    gateway.put_integration(
        restApiId=api,
        resourceId=root,
        httpMethod="GET",
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{settings['region_name']}:lambda:path/2015-03-31/functions/{arn}/invocations",
    )
    gateway.put_gateway_response(
        restApiId=api,
        responseType="INTEGRATION_FAILURE",
        statusCode="503",
        responseParameters={"gatewayresponse.header.Retry-After": "'2'"},
    )
    gateway.create_deployment(restApiId=api, stageName="live")
    return f"{settings['endpoint_url']}/_aws/execute-api/{api}/live/"


def test_unsigned_call_is_refused_and_its_answer_has_no_cors_headers(
    plain: ClientSettings, aws: ClientSettings
) -> None:
    def answer(settings: ClientSettings, path: str) -> tuple[int, str | None]:
        found = urllib3.request("GET", settings["endpoint_url"] + path, retries=False)
        return found.status, found.headers.get("Access-Control-Allow-Origin")

    paths = ("/", "/_ministack/health", "/2015-03-31/functions/")
    assert {answer(plain, path) for path in paths} == {(200, "*"), (200, None)}
    assert {answer(aws, path) for path in paths} == {(403, None)}


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
        ("cloudformation", "list_stacks", "InvalidClientTokenId"),
        ("secretsmanager", "list_secrets", "UnrecognizedClientException"),
    ],
)
def test_call_with_the_usual_credentials_of_emulators_is_refused_in_the_protocol_of_the_service(
    aws: ClientSettings, service: Any, call: str, code: str
) -> None:
    guessed: ClientSettings = {**aws, "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    with pytest.raises(ClientError) as caught:
        getattr(boto3.client(service, **guessed), call)()
    assert caught.value.response["Error"]["Code"] == code


def test_functions_have_different_credentials_of_their_role(
    plain: ClientSettings, aws: ClientSettings
) -> None:
    source = (
        "import boto3, os\ndef handler(event, context):\n"
        "    found = boto3.client('sts').get_caller_identity()\n"
        "    return [os.environ['AWS_ACCESS_KEY_ID'], found['Arn'].split(':', 5)[5]]\n"
    )
    keys = [[invoke(at, make_function(at, f"who-{n}", source))[0] for n in (1, 2)] for at in (plain, aws)]
    assert keys[0][0] == keys[0][1] == "000000000000"
    assert keys[1][0] != keys[1][1]
    assert [invoke(aws, f"who-{n}")[1] for n in (1, 2)] == [
        "assumed-role/any/who-1",
        "assumed-role/any/who-2",
    ]


@pytest.mark.parametrize("key_required", [True, False])
def test_event_has_the_key_that_the_gateway_has_checked(
    plain: ClientSettings, aws: ClientSettings, key_required: bool
) -> None:
    value = "reader." + "k" * 40

    def identity(settings: ClientSettings) -> dict[str, str | None]:
        source = (
            "import json\ndef handler(event, context):\n"
            "    return {'statusCode': 200, 'body': json.dumps(event['requestContext']['identity'])}\n"
        )
        name = make_function(settings, f"identity-{key_required}".lower(), source)
        url = make_api(settings, name, key_required=key_required)
        gateway = boto3.client("apigateway", **settings)
        key = gateway.create_api_key(name=name, value=value, enabled=True)["id"]
        stage: Any = {"apiId": url.split("/")[-3], "stage": "live"}
        plan = gateway.create_usage_plan(name=name, apiStages=[stage])["id"]
        gateway.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
        found: dict[str, str | None] = urllib3.request("GET", url, headers={"X-Api-Key": value}).json()
        gateway.delete_api_key(apiKey=key)
        return found | {"apiKeyId": "the id" if found.get("apiKeyId") == key else found.get("apiKeyId")}

    assert "apiKey" not in identity(plain)
    found = identity(aws)
    assert (found["apiKey"], found["apiKeyId"]) == ((value, "the id") if key_required else (None, None))


def get(url: str) -> tuple[int, str | None]:
    """Send a request; return status and Retry-After."""
    answer = urllib3.request("GET", url, retries=False)
    return answer.status, answer.headers.get("Retry-After")


def test_connections_of_a_burst_are_queued_while_the_emulator_is_suspended(
    aws: ClientSettings, cloud_config: Config
) -> None:
    process = processes.find(emulator.pid_file(cloud_config))
    assert process is not None
    with contextlib.ExitStack() as stack:
        process.suspend()
        stack.callback(process.resume)
        for _ in range(300):
            stack.enter_context(socket.create_connection(("127.0.0.1", cloud_config.aws_port), timeout=1))


def test_alarm_on_metric_math_is_created(plain: ClientSettings, aws: ClientSettings) -> None:
    metric = {"Id": "m", "ReturnData": False}
    metric["MetricStat"] = {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}
    alarm = {
        "AlarmName": "on-an-expression",
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "Metrics": [{"Id": "e", "Expression": "2 * m"}, metric],
    }
    template = {
        "Resources": {"It": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}},
        "Outputs": {"Name": {"Value": {"Ref": "It"}}},
    }
    assert "metric math" in stack(plain, "metric-math", template)["failed"]
    assert stack(aws, "metric-math", template) == {"Name": "on-an-expression"}


def test_environment_of_a_function_contains_no_variables_of_the_user(
    aws: ClientSettings, cloud_config: Config
) -> None:
    source = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"
    seen = invoke(aws, make_function(aws, "environment", source))
    assert seen["HOME"] == str(cloud_config.temp)
    assert not {"AWS_PROFILE", "AWS_CONFIG_FILE", "PYTHONPATH"} & set(seen)
    assert json.loads(cloud_config.superuser.read_text())["password"] not in str(seen)


def test_parallel_state_fails_when_its_first_branch_fails(plain: ClientSettings, aws: ClientSettings) -> None:
    def branch(state: dict[str, Any]) -> dict[str, Any]:
        return {"StartAt": "Only", "States": {"Only": state}}

    fails, waits = {"Type": "Fail", "Error": "Refused"}, {"Type": "Wait", "Seconds": 20, "End": True}
    together = {"Type": "Parallel", "Branches": [branch(waits), branch(fails)], "End": True}
    definition = json.dumps({"StartAt": "Together", "States": {"Together": together}})

    assert status_after(plain, definition, 2) == ("RUNNING", "")
    assert status_after(aws, definition, 10) == ("FAILED", "Refused")


def test_distributed_map_ends_with_its_first_failure_after_the_record_is_written(
    plain: ClientSettings, aws: ClientSettings
) -> None:
    record = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
        "Parameters": {
            "Bucket": "recorded",
            "Key.$": "States.Format('of/{}.json', $)",
            "Body": {"Error": "X"},
        },
        "ResultPath": None,
        "Next": "Fails",
    }
    states = {"Records": record, "Fails": {"Type": "Fail", "Error": "Refused"}}
    each = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrency": 1,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Records",
            "States": states,
        },
        "End": True,
    }
    items = {"Type": "Pass", "Result": {"items": ["a", "b", "c"]}, "Next": "Each"}
    definition = json.dumps({"StartAt": "Items", "States": {"Items": items, "Each": each}})
    found = []
    for settings in (plain, aws):
        s3 = boto3.client("s3", **settings)
        s3.create_bucket(Bucket="recorded", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        assert status_after(settings, definition, 10)[1] == "States.ExceedToleratedFailureThreshold"
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket="recorded").get("Contents", [])]
        found.append({key: json.load(s3.get_object(Bucket="recorded", Key=key)["Body"]) for key in keys})
    assert found == [{}, {"of/a.json": {"Error": "X"}}]


def status_after(settings: ClientSettings, definition: str, seconds: float) -> tuple[str, str]:
    """The status and error of an execution at its end or after this time."""
    client = boto3.client("stepfunctions", **settings)
    machine = client.create_state_machine(
        name=f"machine-{time.monotonic_ns()}",
        definition=definition,
        roleArn="arn:aws:iam::000000000000:role/any",
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine)["executionArn"]
    deadline = time.monotonic() + seconds
    while (found := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    client.delete_state_machine(stateMachineArn=machine)
    return found["status"], found.get("error", "")


def test_range_of_a_version_is_answered(plain: ClientSettings, aws: ClientSettings) -> None:
    def read(settings: ClientSettings) -> bytes:
        s3, bucket = boto3.client("s3", **settings), f"versions-{secrets.token_hex(4)}"
        place: Any = {"LocationConstraint": settings["region_name"]}
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        version = s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")["VersionId"]
        s3.put_object(Bucket=bucket, Key="k", Body=b"other")
        answer = s3.get_object(Bucket=bucket, Key="k", VersionId=version, Range="bytes=2-4")
        return bytes(answer["Body"].read())

    assert read(plain) == b"0123456789"
    assert read(aws) == b"234"


def test_ref_of_a_secret_is_its_arn(plain: ClientSettings, aws: ClientSettings) -> None:
    def template(description: str) -> dict[str, Any]:
        secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Description": description}}
        return {"Resources": {"It": secret}, "Outputs": {"Arn": {"Value": {"Ref": "It"}}}}

    assert not stack(plain, "secret", template("first"))["Arn"].startswith("arn:")
    arn = stack(aws, "secret", template("first"))["Arn"]
    secrets_manager, client = boto3.client("secretsmanager", **aws), boto3.client("cloudformation", **aws)
    assert secrets_manager.describe_secret(SecretId=arn)["ARN"] == arn
    client.update_stack(StackName="secret", TemplateBody=json.dumps(template("second")))
    client.get_waiter("stack_update_complete").wait(StackName="secret", WaiterConfig={"Delay": 1})
    assert secrets_manager.describe_secret(SecretId=arn)["Description"] == "second"
    delete(aws, "secret")
    with pytest.raises(secrets_manager.exceptions.ResourceNotFoundException):
        secrets_manager.describe_secret(SecretId=arn)


def test_description_of_an_endpoint_has_its_policy(plain: ClientSettings, aws: ClientSettings) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::a&b",
    }
    endpoint = {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "VpcId": {"Ref": "Vpc"},
            "ServiceName": "com.amazonaws.eu-west-1.s3",
            "PolicyDocument": {"Statement": [statement]},
        },
    }
    template = {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}},
            "It": endpoint,
        },
        "Outputs": {"Id": {"Value": {"Ref": "It"}}},
    }

    def policy(settings: ClientSettings) -> str:
        identifier = stack(settings, "endpoint", template)["Id"]
        (found,) = boto3.client("ec2", **settings).describe_vpc_endpoints(VpcEndpointIds=[identifier])[
            "VpcEndpoints"
        ]
        return str(found.get("PolicyDocument", ""))

    assert policy(plain) == ""
    assert json.loads(policy(aws))["Statement"] == [statement]
