"""Start the embedded cloud with the app deployed to it, stop it, and delete its data."""

import contextlib
import dataclasses
import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from dataforge.aws.clients import THIS_MACHINE, make_client
from local import api, aws, deploy, guard, outputs, ports
from local.config import AWS_PORT_SETTING, PG_PORT_SETTING, Config
from local.errors import AtWork, NotRunning, NotYours, OtherSettings, OtherVersion, StartedBefore
from local.interrupts import deferred
from local.outputs import Outputs
from local.rds import server as rds

Say = Callable[[str], None]
VERSION = "emulator"
"""The name, beside those of the settings, of the version that stored the data."""


def tell(line: str) -> None:
    """Print a message to the standard output and flush it, because that may be a pipe."""
    print(line, flush=True)


def up(config: Config, say: Say = tell) -> Outputs:
    """Start both servers with the stored data and deploy the app. If the cloud runs, deploy the changes.

    After a failed or interrupted start no process runs, and stored data is as before; a first start leaves none. A failed
    deployment to a running cloud is rolled back, and the cloud continues to run. Raises ``LocalCloudError``.
    """
    with _alone(config):
        _require_same(config)
        stored = _settings_file(config).exists()
        if stored and is_up(config):
            say(f"The embedded cloud runs already; deploying to it ({config.endpoint}).")
            return _deploy(config, say)
        # Without the settings, which are written last, the first deployment was interrupted, and its state is unknown.
        end = _stop if stored else _clear
        end(config)
        try:
            _start(config, say)
            return _deploy(config, say)
        except BaseException:
            with deferred():
                end(config)
            raise


def redeploy(config: Config, say: Say = tell) -> Outputs:
    """Deploy the changes to the cloud that runs in the state folder, with the ports with which it was started.

    Raises ``NotRunning``, ``DeployFailed``; after a failure the cloud runs as before.
    """
    with _alone(config):
        if not (is_up(config) and config.outputs.exists()):
            raise NotRunning(config.state)
        return _deploy(recorded(config), say)


def read_outputs(config: Config) -> Outputs:
    """The outputs of the running cloud. Raises ``NotRunning``."""
    if not (is_up(config) and config.outputs.exists()):
        raise NotRunning(config.state)
    return outputs.read(config.outputs)


def recorded(config: Config) -> Config:
    """The configuration with the settings of the data that is stored in its state folder."""
    stored = json.loads(_settings_file(config).read_text())
    return dataclasses.replace(config, **{name: stored[name] for name in config.settings})


def down(config: Config, say: Say = tell) -> None:
    """Stop both servers with all their processes. The next start continues with their data."""
    ran = _end(config, _stop)
    say("The embedded cloud is stopped." if ran else "No embedded cloud was running.")
    if _settings_file(config).exists():
        say(f"`make local` continues with the data in {config.data}; `make local-reset` deletes it.")


def reset(config: Config, say: Say = tell) -> None:
    """Stop both servers and delete their data. The logs remain."""
    stored = config.data.exists()
    ran = _end(config, _clear)
    if ran or stored:
        say("The embedded cloud is stopped and its data is deleted.")
    else:
        say("No embedded cloud was running, and no data is stored.")


def _end(config: Config, how: Callable[[Config], None]) -> bool:
    """Whether a server ran."""
    if not config.state.exists():
        return False
    with _alone(config), deferred():
        ran = aws.running(config) or rds.running(config)
        how(config)
    return ran


def is_up(config: Config) -> bool:
    """Whether both servers of this state folder run."""
    return aws.running(config) and rds.running(config)


@contextlib.contextmanager
def running(config: Config, say: Say = tell) -> Iterator[Outputs]:
    """Run a cloud that is empty at first for the duration of a block.

    At the end of the block, and if this process is killed, it is stopped and its data is deleted.
    """
    _end(config, _clear)
    with guard.watch(config):
        try:
            yield up(dataclasses.replace(config, temporary=True), say)
        finally:
            reset(config, say)


def _start(config: Config, say: Say) -> None:
    ports.require_free(config.pg_port, PG_PORT_SETTING)
    ports.require_free(config.aws_port, AWS_PORT_SETTING)
    say(f"Starting PostgreSQL {config.pg_version} on port {config.pg_port}.")
    rds.start(config)
    say(f"Starting the AWS emulator on port {config.aws_port}.")
    aws.start(config, rds.tokens(config))
    if not _settings_file(config).exists():
        deploy.bootstrap(config)


def _deploy(config: Config, say: Say) -> Outputs:
    say("Deploying the app with `cdk deploy`.")
    stacks = deploy.deploy(config, say)
    offered = outputs.from_stacks(stacks)
    found = offered | {
        **aws.connection(config),
        "database_url": rds.url(config, _database(config)),
        **api.offer(config, offered),
    }
    outputs.write(_settings_file(config), config.settings | {VERSION: aws.version()})
    outputs.write(config.outputs, found)
    return found


def _database(config: Config) -> str:
    """The name of the database that the app created."""
    client = make_client("rds", THIS_MACHINE, aws.access(aws.connection(config)))
    instances = client.describe_db_instances()["DBInstances"]
    return next((instance["DBName"] for instance in instances if instance.get("DBName")), "postgres")


def _stop(config: Config) -> None:
    """Stop both servers and delete the files of this start."""
    aws.stop(config)
    rds.stop(config)
    for folder in (config.temp, config.run, config.state / "cdk.out", config.state / "cdk-home"):
        shutil.rmtree(folder, ignore_errors=True)
    config.outputs.unlink(missing_ok=True)


def _clear(config: Config) -> None:
    """Stop both servers and delete their files, except the logs."""
    _settings_file(config).unlink(missing_ok=True)
    aws.stop(config)
    rds.reset(config)
    _stop(config)
    # The second is where an earlier version had PostgreSQL's files.
    for folder in (config.data, config.state / "postgres"):
        shutil.rmtree(folder, ignore_errors=True)


def _require_same(config: Config) -> None:
    """Raise an error unless this version can continue with the stored data, and with these settings."""
    if not _settings_file(config).exists():
        if aws.running(config) and not config.data.exists():
            raise StartedBefore(config.state)
        return
    stored = json.loads(_settings_file(config).read_text())
    if stored[VERSION] != aws.version():
        raise OtherVersion(config.state, stored[VERSION], aws.version())
    known = recorded(config).settings
    if known != config.settings:
        raise OtherSettings(config.state, _listed(known), _listed(config.settings))


def _settings_file(config: Config) -> Path:
    """Written after the first deployment: the settings and the version of the stored data."""
    return config.data / "settings.json"


def _listed(settings: dict[str, str | int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


@contextlib.contextmanager
def _alone(config: Config) -> Iterator[None]:
    """Exclude other processes that start or stop this cloud. Raises ``AtWork``, ``NotYours``."""
    aws.bypass_proxies()
    try:
        config.state.mkdir(parents=True, exist_ok=True)
        # It contains passwords and keys, and an earlier version created it readable by all.
        config.state.chmod(0o700)
        file = (config.state / "lock").open("w")
    except PermissionError as error:
        raise NotYours(config.state) from error
    with file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AtWork(config.state) from error
        yield
