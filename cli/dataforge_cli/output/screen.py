"""What is printed where: progress and errors on stderr, the answer on stdout.

With ``--json`` stdout gets one document and nothing else, and what people would read of the answer goes to stderr.
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

_FILE_WIDTH = 160
"""Columns where a stream goes to a file or a pipe: rich would assume 80 and cut names short."""

_PICTURES = 0x2400
"""Where Unicode has a picture of each control character."""

_BIDIRECTIONAL = (0x61C, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_VISIBLE = {
    **{code: chr(_PICTURES + code) for code in range(0x20) if chr(code) not in "\t\n"},
    **dict.fromkeys((0x7F, *range(0x80, 0xA0), *_BIDIRECTIONAL), "\ufffd"),
}


class _SafeConsole(Console):
    """A console that shows control characters instead of sending them to the terminal.

    Names of files and the text of records are other people's: an escape sequence in one could hide or forge what is shown.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=segment.text.translate(_VISIBLE))


class Screen:
    """The two streams of one call."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.err, self._out = _console(sys.stderr), _console(sys.stdout)

    def say(self, text: str) -> None:
        """A line about what is being done."""
        self.err.print(Text(text))

    def warn(self, text: str) -> None:
        """A line about what the user may not have meant."""
        self.err.print(Text.assemble(("warning: ", "yellow"), one_line(text)))

    def fail(self, text: str) -> None:
        """The one line that says what went wrong."""
        self.err.print(Text.assemble(("error: ", "bold red"), one_line(text)))

    def show(self, *parts: RenderableType) -> None:
        """Print part of the answer for people."""
        console = self.err if self.as_json else self._out
        for part in parts:
            console.print(part)

    def answer(self, document: Mapping[str, Any], *parts: RenderableType) -> None:
        """Print the answer: ``document`` for machines, ``parts`` for people."""
        self.show(*parts)
        if self.as_json:
            typer.echo(json.dumps(document, indent=2))


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else _FILE_WIDTH
    return _SafeConsole(file=stream, highlight=False, soft_wrap=True, width=width)


def one_line(text: str) -> str:
    """The text with every run of white space, line ends included, as one space."""
    return " ".join(text.split())
