"""The output streams: progress and errors on stderr, results on stdout.

With ``--json`` stdout receives one document only, and the readable result goes to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from dataforge.visible import visible, visible_line

_FILE_WIDTH = 160
"""Columns for a file or a pipe, where rich would assume 80 and truncate names."""


class _SafeConsole(Console):
    """A console that shows control characters instead of sending them to the terminal.

    An escape sequence in a file name or record could otherwise hide or forge output.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))


class Screen:
    """The two streams of one call."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.err, self._out = _console(sys.stderr), _console(sys.stdout)

    def say(self, text: str) -> None:
        """Print a line about progress."""
        self.err.print(Text(visible_line(text)))

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.err.print(Text.assemble(("warning: ", "yellow"), one_line(text)))

    def fail(self, text: str) -> None:
        """Print an error as one line."""
        self.err.print(Text.assemble(("error: ", "bold red"), one_line(text)))

    def show(self, *parts: RenderableType) -> None:
        """Print part of the readable result. A text is one line; line ends in it are symbols, as in names of files."""
        console = self.err if self.as_json else self._out
        for part in parts:
            console.print(_line(part) if isinstance(part, str | Text) else part)

    def answer(self, document: Mapping[str, Any], *parts: RenderableType) -> None:
        """Print the result: ``document`` with --json, otherwise ``parts``."""
        self.show(*parts)
        if self.as_json:
            typer.echo(json.dumps(document, indent=2))


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else _FILE_WIDTH
    # Names and texts of files are not markup: [red] or :smile: in them is shown as it is, and [/] causes no error.
    return _SafeConsole(file=stream, highlight=False, soft_wrap=True, width=width, markup=False, emoji=False)


def _line(text: str | Text) -> Text:
    shown = Text(text) if isinstance(text, str) else text.copy()
    shown.plain = visible_line(text if isinstance(text, str) else text.plain)
    return shown


def one_line(text: str) -> str:
    """Return the text with each run of white space, including line ends, as one space."""
    return " ".join(text.split())
