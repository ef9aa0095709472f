"""Run `cdk bootstrap` and `cdk deploy` for the app against the emulator."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from dataforge.aws.clients import THIS_MACHINE, make_client
from local import aws, processes
from local.config import ROOT, Config
from local.errors import DeployFailed, NotInstalled

CDK = ROOT / "node_modules" / ".bin" / "cdk"
CONTEXT = (("target", "local"), ("loadConcurrency", "2"))
"""The differences from AWS: the layers' platform, and the number of workers."""

Say = Callable[[str], None]
# As in: DataForge-dev |  3/45 | 12:00:00 | CREATE_COMPLETE | AWS::S3::Bucket | Storage/Raw (StorageRaw1234)
PROGRESS = re.compile(r"^(?P<stack>\S+) \|\s*(?P<done>\d+)/(?P<all>\d+) \|[^|]*\| (?P<status>\w+)\s*\|")
MILESTONES = ("Bundling asset", "✨  Synthesis time", "✨  Deployment time")
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def bootstrap(config: Config) -> None:
    """Prepare the empty account for CDK. Raises ``DeployFailed``."""
    if not CDK.exists():
        raise NotInstalled(CDK)
    # In a folder without an app: bootstrap would needlessly synthesize one.
    _cdk(config, ["bootstrap", f"aws://{aws.ACCOUNT}/{config.region}"], config.run, lambda _line: None)


def deploy(config: Config, say: Say) -> dict[str, dict[str, str]]:
    """Deploy every stack. Returns the outputs by stack. Raises ``DeployFailed`` with CloudFormation's causes."""
    outputs = config.run / "cdk-outputs.json"
    outputs.unlink(missing_ok=True)
    arguments = ["deploy", "--all", "--require-approval", "never", "--progress", "events", "--no-notices"]
    arguments += ["--outputs-file", str(outputs), "--output", str(config.state / "cdk.out")]
    for key, value in (*CONTEXT, *config.context):
        arguments += ["-c", f"{key}={value}"]
    _cdk(config, arguments, config.app, lambda line: _report(line, say))
    stacks: dict[str, dict[str, str]] = json.loads(outputs.read_text()) if outputs.exists() else {}
    return stacks


def _cdk(config: Config, arguments: list[str], cwd: Path, on_line: Callable[[str], None]) -> None:
    log, begun = config.logs / f"cdk-{arguments[0]}.log", datetime.now(UTC)
    with log.open("w") as record, _started([str(CDK), *arguments], environment(config), cwd) as process:
        for line in _lines(process.stdout):
            record.write(line + "\n")
            record.flush()
            on_line(line)
    if process.returncode:
        causes = _failures(config, begun) or processes.tail(log, 30).splitlines()
        raise DeployFailed(arguments[0], log, causes)


@contextmanager
def _started(command: list[str], env: dict[str, str], cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process; an exception in the block ends it and its children."""
    with subprocess.Popen(
        command,
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            yield process
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def _lines(stream: IO[str] | None) -> Iterator[str]:
    for line in stream or ():
        yield ANSI.sub("", line.rstrip())


def _report(line: str, say: Say) -> None:
    found = PROGRESS.match(line)
    if found and found["status"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        # During the clean-up of an update, the count exceeds the number of resources.
        done, total = int(found["done"]), int(found["all"])
        if done % 10 == 0 and done <= total:
            say(f"  {found['stack']}: {done} of {total} resources")
    elif line.startswith(MILESTONES):
        say(f"  {line.removeprefix('✨').strip()}")


def _failures(config: Config, begun: datetime) -> list[str]:
    """The causes of failed resources in order of time, without resources that were cancelled as a consequence."""
    client = make_client("cloudformation", THIS_MACHINE, aws.access(aws.connection(config)))
    causes = []
    for stack in client.describe_stacks()["Stacks"]:
        events = client.describe_stack_events(StackName=stack["StackName"])["StackEvents"]
        for event in reversed([event for event in events if event["Timestamp"] >= begun]):
            reason = event.get("ResourceStatusReason", "")
            if event.get("ResourceStatus", "").endswith("_FAILED") and "cancelled" not in reason:
                causes.append(f"{event.get('LogicalResourceId')} ({event.get('ResourceType')}): {reason}")
    return causes


def environment(config: Config) -> dict[str, str]:
    """The user's environment for `cdk`, without variables that could select a real AWS account."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_", "PYTHON"))
    }
    nothing = str(config.run / "no-aws-configuration")
    administrator = aws.client_settings(aws.connection(config))
    return kept | {
        "PATH": os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ.get("PATH", os.defpath)]),
        processes.MARKER: str(config.state),
        "AWS_ENDPOINT_URL": config.endpoint,
        "AWS_ENDPOINT_URL_S3": config.endpoint,
        "AWS_ACCESS_KEY_ID": administrator["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": administrator["aws_secret_access_key"],
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
        "AWS_CONFIG_FILE": nothing,
        "AWS_SHARED_CREDENTIALS_FILE": nothing,
        "AWS_EC2_METADATA_DISABLED": "true",
        # Otherwise the CLI would store the account of a key in ~/.cdk.
        "CDK_HOME": str(config.state / "cdk-home"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        # CDK's general template linter takes seconds; `make synth` runs it, and the app's own rules apply.
        "CDK_VALIDATION": "false",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    }
