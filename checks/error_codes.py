"""Write docs/errors.md, the list of all error codes, from the error classes: ``python -m checks.error_codes``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import dataforge_cli
from dataforge.aws.situations import ENDS, SITUATIONS, Situation
from dataforge.errors import CodedError
from dataforge.errors.codes import by_code, meaning, subclasses
from dataforge_cli.errors import CommandError

PAGE = Path(__file__).resolve().parents[1] / "docs" / "errors.md"

_HEAD = """# Error codes

Every error has a stable code. A failed run reports it as `error` (Step Functions, the ledger, `GET` of a run), the
command line as `error` with `--json`, and the API as the problem's `type`: the code `WrongKey` is
`urn:dataforge:problem:wrong-key`. Codes are not renamed and not reused.

The text of an error has three parts: the message states what happened and names the thing, the detail gives the data,
and the hint states what to do ("… Hint: …"). Texts may change; programs compare codes.

This page is written by `python -m checks.error_codes`, and a test compares it with the classes. A hint in the tables is
the same for every error of its code; other hints depend on the situation.

## Errors of runs and of the API

*Retried*: the state machine repeats the step. An answer with a time in *Retry-After* may be requested again after it.

"""
_SITUATIONS = """
## Failures that AWS reports

A run whose function, state or execution failed outside Data Forge's code reports one of these.

"""
_COMMANDS = """
## Errors of the command line

The command line also reports the codes above, and codes of AWS (`AccessDenied`). It exits with 1 if the work failed and
with 2 if the call was wrong.

"""


def commands() -> Iterator[type[CommandError]]:
    """The errors of the command line."""
    for module in pkgutil.walk_packages(dataforge_cli.__path__, "dataforge_cli."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for error in subclasses(CommandError):
        if issubclass(error, CommandError) and error.__module__.startswith("dataforge_cli"):
            yield error


def all_codes() -> list[type[CodedError] | Situation]:
    """Everything that has a code."""
    return [*by_code().values(), *commands(), *SITUATIONS, *ENDS]


def page() -> str:
    """The page's text."""
    errors = (
        (
            f"`{e.code}`",
            meaning(e),
            e.status.value,
            "yes" if e.retried else "no",
            _retry_after(e.retry_after),
            e.hint,
        )
        for e in sorted(by_code().values(), key=lambda error: error.code)
    )
    situations = ((f"`{s.code}`", s.message, s.hint) for s in (*SITUATIONS, *ENDS))
    found = (
        (f"`{e.code}`", meaning(e), e.exit_code, e.hint) for e in sorted(commands(), key=lambda e: e.code)
    )
    return (
        _HEAD
        + _table(("Code", "Meaning", "HTTP status", "Retried", "Retry-After", "Hint"), errors)
        + _SITUATIONS
        + _table(("Code", "Meaning", "Hint"), situations)
        + _COMMANDS
        + _table(("Code", "Meaning", "Exit code", "Hint"), found)
    )


def _retry_after(seconds: int | None) -> str:
    return f"{seconds} s" if seconds else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


if __name__ == "__main__":
    PAGE.write_text(page())
