"""The ``dataforge`` command and the list of its subcommands."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dataforge_cli.commands.audit import audit
from dataforge_cli.commands.backup import backup
from dataforge_cli.commands.check import check
from dataforge_cli.commands.connect import connect
from dataforge_cli.commands.describe import describe
from dataforge_cli.commands.doctor import doctor
from dataforge_cli.commands.files import files
from dataforge_cli.commands.ingest import ingest
from dataforge_cli.commands.init import init
from dataforge_cli.commands.keys import keys
from dataforge_cli.commands.migrate import migrate
from dataforge_cli.commands.plan import plan
from dataforge_cli.commands.preview import preview
from dataforge_cli.commands.replay import replay
from dataforge_cli.commands.restore import restore
from dataforge_cli.commands.status import status
from dataforge_cli.commands.stop import stop
from dataforge_cli.options import OutputsFile, Stage
from dataforge_cli.output.screen import Screen
from dataforge_cli.version import version


class Commands(TyperGroup):
    """The group of commands. An invalid call ends with one line, like every other failure."""

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None, *rest: Any, **extra: Any
    ) -> Any:
        extra["standalone_mode"] = False
        try:
            code = super().main(args, prog_name or "dataforge", *rest, **extra)
        except typer.TyperException as error:
            _explain(error)
            sys.exit(error.exit_code)
        except typer.Abort:
            sys.exit(130)
        sys.exit(code or 0)


def _explain(error: typer.TyperException) -> None:
    """Return the message of an error as one line, or nothing if the help was shown."""
    context: typer.Context | None = getattr(error, "ctx", None)
    command = context.command_path if context else "dataforge"
    if message := error.format_message():
        end = "" if message.endswith((".", "?")) else "."
        Screen().fail(f"{message}{end} See `{command} --help`.")


app = typer.Typer(
    name="dataforge",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, Callable[..., None]] = {
    "preview": preview,
    "init": init,
    "check": check,
    "describe": describe,
    "migrate": migrate,
    "files": files,
    "replay": replay,
    "backup": backup,
    "restore": restore,
    "status": status,
    "stop": stop,
    "doctor": doctor,
    "plan": plan,
    "connect": connect,
    "ingest": ingest,
    "keys": keys,
    "audit": audit,
}
for name, command in COMMANDS.items():
    app.command(name)(command)


def _show_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"dataforge {version()}\n")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
]


@app.callback()
def dataforge(
    context: typer.Context,
    stage: Stage = None,
    outputs: OutputsFile = None,
    show_version: Version = False,  # noqa: ARG001  the callback prints it
) -> None:
    """Migrate CSV files into PostgreSQL on AWS, ingest records, and back up and restore tables.

    Commands use the embedded cloud if it is deployed (make local). Otherwise they use AWS, with the credentials and region
    of the environment. --stage and --outputs select a deployment. --json prints one JSON document.

    Exit codes: 0 success, 1 failure, 2 invalid call.

    **Example**

    ```
    dataforge migrate ./olist
    ```
    """
    given = {name: value for name, value in {"stage": stage, "outputs": outputs}.items() if value is not None}
    # Options before the command are the command's defaults.
    context.default_map = {command: dict(given) for command in COMMANDS}
