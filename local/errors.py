"""Errors of the embedded cloud. Every message has a hint."""

from pathlib import Path


class LocalCloudError(Exception):
    """The embedded cloud cannot carry out the request."""


class PortTaken(LocalCloudError):
    """Another program listens on a port that the cloud needs."""

    def __init__(self, port: int, setting: str) -> None:
        super().__init__(
            f"port {port} on 127.0.0.1 is already in use. "
            f"Stop what listens there, or choose another port: {setting}=<port> (environment or .env)."
        )
        self.port = port
        self.setting = setting


class NotInstalled(LocalCloudError):
    """A file that a target of make installs is missing."""

    def __init__(self, path: Path, target: str = "make setup") -> None:
        super().__init__(f"{path} is missing. `{target}` installs it.")
        self.path = path


class AtWork(LocalCloudError):
    """Another process is starting or stopping the cloud of this state folder."""

    def __init__(self, state: Path) -> None:
        super().__init__(f"another process is starting or stopping the cloud in {state}. Wait for it to end.")
        self.state = state


class NotYours(LocalCloudError):
    """The state folder cannot be written by this user."""

    def __init__(self, state: Path) -> None:
        super().__init__(
            f"{state} cannot be written; another user has started the cloud there. "
            f"Work as that user, or choose another folder: DATAFORGE_STATE=<folder>."
        )
        self.state = state


class OtherSettings(LocalCloudError):
    """The data in this state folder was stored with other settings."""

    def __init__(self, state: Path, stored: str, asked: str) -> None:
        super().__init__(
            f"the data in {state} was stored with {stored}; requested: {asked}. Restore these settings"
            f" (environment or .env), use another DATAFORGE_STATE, or delete the data with `make local-reset`."
        )


class OtherVersion(LocalCloudError):
    """The data in this state folder was stored by another version of the embedded cloud."""

    def __init__(self, state: Path, stored: str, installed: str) -> None:
        super().__init__(
            f"the data in {state} was stored by {stored}, and this is {installed}. Start it with the version of"
            f" Data Forge that stored it and export what you need (docs/single-machine.md), or delete it with"
            f" `make local-reset`."
        )


class StartedBefore(LocalCloudError):
    """A cloud of an earlier version, which does not keep its data, runs in this state folder."""

    def __init__(self, state: Path) -> None:
        super().__init__(
            f"the cloud in {state} was started by an earlier version of Data Forge. `make local-reset` stops it and"
            f" deletes its data."
        )


class DiskFull(LocalCloudError):
    """No space is left on a disk."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"no space is left on the disk of {path}. The stored data is unchanged; free space, and start again."
        )


class NotRunning(LocalCloudError):
    """No cloud with the app runs in the state folder."""

    def __init__(self, state: Path) -> None:
        super().__init__(f"no embedded cloud with the app runs in {state}. Start it with `make local`.")


class StartFailed(LocalCloudError):
    """A server ended, or did not respond in time."""

    def __init__(self, name: str, log: Path, tail: str) -> None:
        super().__init__(f"{name} did not start. The end of {log}:\n{tail}")
        self.name = name


class DeployFailed(LocalCloudError):
    """`cdk` failed; the causes come from CloudFormation, or from the end of the app's output."""

    def __init__(self, command: str, log: Path, causes: list[str]) -> None:
        listed = "\n".join(f"  {cause}" for cause in causes)
        super().__init__(f"`cdk {command}` failed:\n{listed}\nFull output: {log}")
        self.causes = causes


class NoReachableFolder(LocalCloudError):
    """For root, PostgreSQL needs a folder that an unprivileged user can reach."""

    def __init__(self, user: str, tried: list[Path]) -> None:
        super().__init__(
            f"PostgreSQL refuses to run as root and runs as {user} instead, which can reach none of "
            f"{', '.join(map(str, tried))}. "
            f"Set TMPDIR to a folder that every user can enter, or do not run as root."
        )
