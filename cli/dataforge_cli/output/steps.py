"""Progress of work on this machine: one line on a terminal, and plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dataforge_cli.output.bars import Line
from dataforge_cli.output.screen import Screen

_LINE_SECONDS = 10.0


@contextmanager
def steps(screen: Screen) -> Iterator[Callable[[str], None]]:
    """Show the steps of work on this machine, which the caller reports: ``Reading: 3 of 11 files``.

    On a terminal one line with the elapsed time; otherwise a line at the end of each step, and every ten seconds.
    """
    if not screen.err.is_terminal:
        lines = _Lines(screen)
        yield lines.say
        lines.end()
        return
    with Line(screen) as line:

        def say(text: str) -> None:
            doing, _, note = text.partition(": ")
            line.show(doing, note)

        yield say
        line.finish("", done=True)


class _Lines:
    """The steps of work as plain lines, each with its seconds."""

    def __init__(self, screen: Screen) -> None:
        self._screen, self._text = screen, ""
        self._began = self._said_at = time.monotonic()

    def say(self, text: str) -> None:
        """Start or continue a step."""
        now = time.monotonic()
        if text.partition(": ")[0] != self._text.partition(": ")[0]:
            self.end()
            self._began = self._said_at = now
        elif now - self._said_at >= _LINE_SECONDS:
            self._said_at = now
            self._screen.say(text)
        self._text = text

    def end(self) -> None:
        """End the step."""
        if self._text:
            self._screen.say(f"{self._text}, {time.monotonic() - self._began:.1f} s")
