"""Run the commands of a tutorial in order, and compare their output with the page."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from typer.testing import CliRunner

from dataforge_cli.main import app

RUN = r"\d{8}T\d{6}Z-[0-9a-f]{8}"
PLACEHOLDERS = {
    "migration": RUN,
    "execution": r"[\w-]+",
    "backup": RUN,
    "bucket": r"[a-z0-9-]+",
    "time": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
    "size": r"[\d.,]+ [kM]?B",
}


@dataclass
class Example:
    """A command of the page and the lines that it must print; none: any output."""

    command: str
    expected: list[str] = field(default_factory=list)


def examples(page: str) -> Iterator[Example]:
    """The commands of the page's console blocks, in order. A line that begins with ``> `` continues a command."""
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        example: Example | None = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if example:
                    yield example
                example = Example(line[2:])
            elif example and line.startswith("> "):
                example.command += f"\n{line[2:]}"
            elif example:
                example.expected.append(line)
        if example:
            yield example


class Session:
    """Runs commands as one shell session would; remembers the values of placeholders in their output."""

    def __init__(self, folder: Path, outputs: Path) -> None:
        self._folder, self._outputs, self._environment = folder, outputs, folder / "environment"
        self._values: dict[str, str] = {}
        self._environment.touch()

    def run(self, example: Example) -> None:
        """Run the command and compare what it prints on stdout."""
        command = re.sub(r"<(\w+)>", lambda match: self._values.get(match[1], match[0]), example.command)
        printed = self._dataforge(command) if command.startswith("dataforge ") else self._shell(command)
        if example.expected:
            self._compare(command, _plain(example.expected), _plain(printed.splitlines()))

    def _dataforge(self, command: str) -> str:
        # In this process: starting the command line costs most of a second.
        result = CliRunner().invoke(app, ["--outputs", str(self._outputs), *shlex.split(command)[1:]])
        assert result.exit_code == 0, f"{command}: {result.output}"
        return result.stdout

    def _shell(self, command: str) -> str:
        script = f"set -ea; . {self._environment}\n{command}\nexport -p > {self._environment}"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        call = subprocess.run(
            ["bash", "-c", script],
            cwd=self._folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert call.returncode == 0, f"{command}: {call.stderr}"
        return call.stdout

    def _compare(self, command: str, expected: str, printed: str) -> None:
        found = re.fullmatch(_pattern(expected), printed)
        assert found, f"{command}\n--- expected:\n{expected}\n--- printed:\n{printed}"
        self._values |= found.groupdict()


def _plain(lines: list[str]) -> str:
    """The lines that are not empty, without the width of columns."""
    return "\n".join(" ".join(line.split()) for line in lines if line.strip())


def _pattern(expected: str) -> str:
    """A regular expression: a placeholder has one value, and ``…`` stands for any text."""
    seen: set[str] = set()

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{PLACEHOLDERS[name]})"

    return re.sub(r"<(\w+)>", value, re.escape(expected).replace("…", "[^\0]*"))
