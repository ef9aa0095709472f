"""The embedded cloud has AWS's limits, with AWS's errors."""

from __future__ import annotations

import io
import itertools
import json
import secrets
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from local.aws import ClientSettings
from tests.e2e.cloud.conftest import create_role

ROLE = "arn:aws:iam::000000000000:role/any"
MEGABYTE = 1024 * 1024
NUMBERS = itertools.count()

pytestmark = pytest.mark.slow

Make = Callable[..., str]
Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def role(emulator: ClientSettings) -> None:
    """A role for the functions and state machines of these tests, which may do everything."""
    create_role(emulator)


@pytest.fixture(scope="module")
def functions(emulator: ClientSettings) -> Any:
    return boto3.client("lambda", **emulator)


@pytest.fixture(scope="module")
def make_function(functions: Any) -> Make:
    """Create a function whose handler has this body; returns its name."""

    def make(body: str, **settings: Any) -> str:
        code, name = io.BytesIO(), f"function-{next(NUMBERS)}"
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("index.py", f"def handler(event, context):\n    {body}\n")
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=ROLE,
            Handler="index.handler",
            Code={"ZipFile": code.getvalue()},
            **settings,
        )
        return name

    return make


@pytest.fixture(scope="module")
def run(emulator: ClientSettings) -> Run:
    """Run a machine with these states, of which the first begins; returns the ended execution."""
    client = boto3.client("stepfunctions", **emulator)

    def run_states(states: dict[str, Any], given: str = "{}", **more: Any) -> dict[str, Any]:
        definition = json.dumps({"StartAt": next(iter(states)), "States": states, **more})
        machine = client.create_state_machine(
            name=f"machine-{next(NUMBERS)}", definition=definition, roleArn=ROLE
        )
        execution = client.start_execution(stateMachineArn=machine["stateMachineArn"], input=given)
        while (found := client.describe_execution(executionArn=execution["executionArn"]))[
            "status"
        ] == "RUNNING":
            pass
        return dict(found)

    return run_states


def invoke(functions: Any, name: str, payload: bytes = b"{}", **more: Any) -> Any:
    return json.load(functions.invoke(FunctionName=name, Payload=payload, **more)["Payload"])


def task(name: str, **more: Any) -> dict[str, Any]:
    function = f"arn:aws:lambda:eu-west-1:000000000000:function:{name}"
    return {"Type": "Task", "Resource": function, "End": True, **more}


def text(length: int) -> bytes:
    """A JSON string of ``length`` bytes."""
    return b'"' + b"a" * (length - 2) + b'"'


def test_request_of_a_function_has_at_most_6_megabytes(functions: Any, make_function: Make) -> None:
    name = make_function("return len(event)")
    assert invoke(functions, name, text(6 * MEGABYTE)) == 6 * MEGABYTE - 2
    with pytest.raises(ClientError) as refused:
        invoke(functions, name, text(6 * MEGABYTE + 1))
    assert refused.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_asynchronous_request_has_at_most_1_megabyte(functions: Any, make_function: Make) -> None:
    name = make_function("return None")
    answer = functions.invoke(FunctionName=name, Payload=text(MEGABYTE), InvocationType="Event")
    assert answer["StatusCode"] == 202
    with pytest.raises(ClientError, match="smaller than 1048576 bytes"):
        functions.invoke(FunctionName=name, Payload=text(MEGABYTE + 1), InvocationType="Event")


def test_response_of_a_function_has_at_most_6_megabytes(functions: Any, make_function: Make) -> None:
    name = make_function("return 'é' * event")
    most = (6 * MEGABYTE + 100 - 2) // 2
    assert len(invoke(functions, name, str(most).encode())) == most
    failed = invoke(functions, name, str(most + 1).encode())
    assert failed["errorType"] == "Function.ResponseSizeTooLarge"


def test_function_that_exceeds_its_time_is_stopped(functions: Any, make_function: Make) -> None:
    name = make_function("import time; time.sleep(30)", Timeout=1)
    failed = invoke(functions, name)
    assert (failed["errorType"], failed["errorMessage"]) == (
        "Sandbox.Timedout",
        "Task timed out after 1.00 seconds",
    )


@pytest.mark.parametrize(
    "body",
    [
        "held = bytearray(200 * 2**20); import time; time.sleep(30)",
        "held = bytearray(200 * 2**20); del held; return 1",  # a peak between two samples
    ],
)
def test_function_that_exceeds_its_memory_is_killed(
    functions: Any, make_function: Make, run: Run, body: str
) -> None:
    name = make_function(body, MemorySize=128, Timeout=20)
    failed = invoke(functions, name)
    assert failed["errorType"] == "Runtime.ExitError"
    assert failed["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert run({"Only": task(name)})["error"] == "Runtime.ExitError"


def test_memory_that_is_reserved_but_not_used_does_not_count(functions: Any, make_function: Make) -> None:
    name = make_function("import mmap; return len(mmap.mmap(-1, 1024 * 2**20)) // 2**20", MemorySize=128)
    assert invoke(functions, name) == 1024


def test_process_after_a_killed_one_is_new(functions: Any, make_function: Make) -> None:
    name = make_function("held = bytearray(event * 2**20); return len(held)", MemorySize=128)
    assert invoke(functions, name, b"200")["errorType"] == "Runtime.ExitError"
    assert invoke(functions, name, b"1") == 2**20


def test_temporary_files_of_a_process_are_its_own_and_limited(functions: Any, make_function: Make) -> None:
    write = (
        "import tempfile, os; file = open(tempfile.gettempdir() + '/held', 'ab'); "
        "file.truncate(event * 2**20); file.flush(); import time; time.sleep(event // 512 * 30); "
        "return tempfile.gettempdir()"
    )
    first, second, larger = (
        make_function(write, Timeout=20),
        make_function(write),
        make_function(write, EphemeralStorage={"Size": 1024}, Timeout=20),
    )
    folders = {invoke(functions, name, b"1") for name in (first, second)}
    assert len(folders) == 2
    failed = invoke(functions, first, b"513")
    assert (failed["errorType"], failed["errorMessage"]) == ("OSError", "[Errno 28] No space left on device")
    assert isinstance(invoke(functions, larger, b"500"), str)


def test_files_directly_in_the_folder_for_temporary_files_count(functions: Any, make_function: Make) -> None:
    name = make_function("open(event, 'wb').truncate(513 * 2**20); return 1", Timeout=20)
    place = f"/tmp/{name}-{secrets.token_hex(4)}"  # noqa: S108
    try:
        failed = invoke(functions, name, json.dumps(place).encode())
    finally:
        Path(place).unlink()
    assert (failed["errorType"], failed["errorMessage"]) == ("OSError", "[Errno 28] No space left on device")


def test_start_is_repeated_after_10_seconds_within_the_functions_time(
    functions: Any, make_function: Make
) -> None:
    """The first start takes longer than that; the second finds a file."""
    marker = f"/tmp/marker-{secrets.token_hex(4)}"  # noqa: S108
    start = (
        "return 1\n\nimport os, time\nsecond = os.path.exists({marker!r})\nopen({marker!r}, 'a').close()\n"
        "time.sleep({again} if second else 60)"
    )
    repeated, twice = (
        make_function(start.format(marker=f"{marker}-{again}", again=again), Timeout=2) for again in (0, 60)
    )
    try:
        assert invoke(functions, repeated) == 1
        failed = invoke(functions, twice)
    finally:
        for again in (0, 60):
            Path(f"{marker}-{again}").unlink()
    assert failed["errorMessage"].endswith("Task timed out after 2.00 seconds")


def test_functions_write_only_temporary_files(functions: Any, make_function: Make) -> None:
    name = make_function("open(event, 'a').close(); return len(open(__file__).read()) > 0")
    failed = invoke(functions, name, b'"beside-the-code.txt"')
    assert (failed["errorType"], "Read-only file system" in failed["errorMessage"]) == ("OSError", True)
    assert invoke(functions, name, b'"/dev/null"') is True


def test_environment_has_at_most_4_kilobytes(emulator: ClientSettings, make_function: Make) -> None:
    def variables(length: int) -> dict[str, Any]:
        return {"Variables": {"A": "x" * (length - len('{"A":""}'))}}

    make_function("return 1", Environment=variables(4096))
    with pytest.raises(ClientError, match="exceeded the 4KB limit"):
        make_function("return 1", Environment=variables(4097))
    for length, status in ((4096, "CREATE_COMPLETE"), (4097, "ROLLBACK_COMPLETE")):
        assert create_function(emulator, Environment=variables(length)) == status


def create_function(settings: ClientSettings, **properties: Any) -> str:
    """The status of a stack with a function that has these properties."""
    stacks, name = boto3.client("cloudformation", **settings), f"stack-{next(NUMBERS)}"
    given = {"Runtime": "python3.13", "Handler": "index.handler", "Role": ROLE} | properties
    given.setdefault("Code", {"ZipFile": "def handler(event, context): return 1"})
    template = {"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": given}}}
    stacks.create_stack(StackName=name, TemplateBody=json.dumps(template))
    return str(stacks.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])


def test_code_with_its_layers_has_at_most_250_megabytes(emulator: ClientSettings, functions: Any) -> None:
    s3, bucket = boto3.client("s3", **emulator), f"code-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for name, megabytes in (("layer", 200), ("small", 50), ("large", 51)):
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            archive.writestr("zeros", bytes(megabytes * MEGABYTE - 1))
        s3.put_object(Bucket=bucket, Key=name, Body=content.getvalue())
    layer = functions.publish_layer_version(
        LayerName="zeros", Content={"S3Bucket": bucket, "S3Key": "layer"}
    )["LayerVersionArn"]
    for name, status in (("small", "CREATE_COMPLETE"), ("large", "ROLLBACK_COMPLETE")):
        code = {"S3Bucket": bucket, "S3Key": name}
        assert create_function(emulator, Code=code, Layers=[layer]) == status


def test_data_of_a_state_have_at_most_256_kibibytes(
    emulator: ClientSettings, make_function: Make, run: Run
) -> None:
    name = make_function("return 'a' * event['length']")
    caught = {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]}
    named = {"Catch": [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught"}]}
    most = 256 * 1024 - 2

    def outcome(length: int, **more: Any) -> tuple[str, str]:
        states = {"Only": task(name, **more), "Caught": {"Type": "Pass", "Result": {}, "End": True}}
        found = run(states, json.dumps({"length": length}))
        return found["status"], found.get("error", "")

    assert outcome(most) == ("SUCCEEDED", "")
    # Also a result that is discarded, and none that States.ALL matches.
    assert outcome(most + 1, ResultPath=None, **caught) == ("FAILED", "States.DataLimitExceeded")
    assert outcome(most + 1, **named) == ("SUCCEEDED", "")
    doubled = {
        "First": {"Type": "Pass", "ResultPath": "$.copy", "Next": "Last"},
        "Last": {"Type": "Succeed"},
    }
    found = run(doubled, json.dumps({"a": "a" * 140_000}))
    assert found["error"] == "States.DataLimitExceeded"


def test_input_of_an_execution_has_at_most_256_kibibytes(run: Run) -> None:
    states = {"Only": {"Type": "Succeed"}}
    assert run(states, text(256 * 1024).decode())["status"] == "SUCCEEDED"
    with pytest.raises(ClientError) as refused:
        run(states, text(256 * 1024 + 1).decode())
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_history_of_an_execution_has_at_most_25_000_events(run: Run) -> None:
    """The first and last event, and two for each state."""

    def loop(steps: int) -> dict[str, Any]:
        """States of which 2 * ``steps`` + 3 run."""
        step = {"left.$": "States.MathAdd($.left, -1)"}
        again = {"Variable": "$.left", "NumericGreaterThan": 0, "Next": "Step"}
        return {
            "Begin": {"Type": "Pass", "Result": {"left": steps}, "Next": "Loop"},
            "Loop": {"Type": "Choice", "Choices": [again], "Default": "End"},
            "Step": {"Type": "Pass", "Parameters": step, "Next": "Loop"},
            "End": {"Type": "Pass", "End": True},
        }

    assert run(loop(6_248))["status"] == "SUCCEEDED"  # 12,499 states
    found = run(loop(6_249))
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert "25000" in found["cause"]


def test_execution_ends_at_the_time_of_its_machine(make_function: Make, run: Run) -> None:
    """Also if a task fails later."""
    name = make_function("import time; time.sleep(2); raise ValueError", Timeout=10)
    assert run({"Only": task(name)}, TimeoutSeconds=1)["status"] == "TIMED_OUT"


def test_stopped_execution_remains_stopped_when_its_task_fails(
    emulator: ClientSettings, make_function: Make
) -> None:
    client = boto3.client("stepfunctions", **emulator)
    name = make_function("import time; time.sleep(1); raise ValueError", Timeout=10)
    definition = json.dumps({"StartAt": "Only", "States": {"Only": task(name)}})
    machine = client.create_state_machine(name="stopped", definition=definition, roleArn=ROLE)
    execution = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]

    def events() -> list[str]:
        return [event["type"] for event in client.get_execution_history(executionArn=execution)["events"]]

    while "TaskStateEntered" not in events():
        pass
    client.stop_execution(executionArn=execution)
    while "TaskFailed" not in events():
        pass
    # One that begins now ends later than the failed task's thread.
    other = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    while client.describe_execution(executionArn=other)["status"] == "RUNNING":
        pass
    assert client.describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_results_of_a_distributed_map_are_written_to_s3(emulator: ClientSettings, run: Run) -> None:
    s3, bucket = boto3.client("s3", **emulator), f"results-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    large = {"Type": "Pass", "Result": "a" * 100_000, "End": True}
    each = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Large",
            "States": {"Large": large},
        },
        "End": True,
    }
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": bucket, "Prefix": "map-runs"},
    }
    items = json.dumps({"items": [1, 2, 3]})
    assert run({"Each": each}, items)["error"] == "States.DataLimitExceeded"
    found = run({"Each": {**each, "ResultWriter": writer}}, items)
    details = json.loads(found["output"])["ResultWriterDetails"]
    manifest = json.load(s3.get_object(**details)["Body"])
    (file,) = manifest["ResultFiles"]["SUCCEEDED"]
    assert details["Key"].startswith("map-runs/")
    assert len(json.load(s3.get_object(Bucket=bucket, Key=file["Key"])["Body"])) == 3


@pytest.fixture(scope="module")
def make_api(emulator: ClientSettings) -> Callable[..., str]:
    """Create a REST API with one route to a function; returns its address."""

    def make(function: str, **integration: Any) -> str:
        gateway = boto3.client("apigateway", **emulator)
        api = gateway.create_rest_api(name=function, binaryMediaTypes=["*/*"])["id"]
        route: Any = {"restApiId": api, "resourceId": gateway.get_resources(restApiId=api)["items"][0]["id"]}
        gateway.put_method(**route, httpMethod="POST", authorizationType="NONE")
        arn = f"arn:aws:lambda:eu-west-1:000000000000:function:{function}"
        boto3.client("lambda", **emulator).add_permission(
            FunctionName=function,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
        )
        gateway.put_integration(
            **route,
            httpMethod="POST",
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{arn}/invocations",
            **integration,
        )
        gateway.create_deployment(restApiId=api, stageName="live")
        return f"{emulator['endpoint_url']}/_aws/execute-api/{api}/live/"

    return make


def post(url: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    answer = urllib3.request("POST", url, body=body, headers={"content-type": "text/plain", **headers})
    return answer.status, answer.data


def test_gateway_refuses_large_bodies_and_headers(make_function: Make, make_api: Callable[..., str]) -> None:
    url = make_api(make_function("return {'statusCode': 200, 'body': str(len(event['body'] or ''))}"))
    assert post(url, b"a" * 4 * MEGABYTE)[0] == 200
    assert post(url, b"a" * 5 * MEGABYTE) == (413, b'{"message":"Request Too Long"}')  # 6.7 MB in base 64
    assert post(url, b"a" * (10 * MEGABYTE + 1)) == (413, b"HTTP content length exceeded 10485760 bytes.")
    assert post(url, x="a" * 9_000)[0] == 200
    assert post(url, x="a" * 10_241) == (431, b"HTTP header is larger than 10240 bytes.")
    assert post(f"{url}?a={'a' * 10_241}")[0] == 431


@pytest.mark.parametrize("answer", ["'body': 'a' * 7 * 2**20", "'headers': {'x': 'a' * 10_241}"])
def test_gateway_fails_if_an_answer_is_too_large(
    make_function: Make, make_api: Callable[..., str], answer: str
) -> None:
    url = make_api(make_function(f"return {{'statusCode': 200, {answer}}}"))
    assert post(url)[0] == 504


def test_gateway_waits_for_the_time_of_its_integration(
    make_function: Make, make_api: Callable[..., str]
) -> None:
    name = make_function("import time; time.sleep(1); return {'statusCode': 200}", Timeout=10)
    status, body = post(make_api(name, timeoutInMillis=50))
    assert (status, body) == (504, b'{"message":"Endpoint request timed out"}')
