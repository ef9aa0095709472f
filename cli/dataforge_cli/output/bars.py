"""Progress of a migration or an upload: bars on a terminal, and periodic lines in a log."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TaskProgressColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from dataforge.runs.phases import LOAD
from dataforge.visible import visible_line
from dataforge_cli.aws.machines import MIGRATION
from dataforge_cli.output.screen import Screen
from dataforge_cli.records.ingest import Tally
from dataforge_cli.runs.progress import Progress, TableProgress

_LINE_SECONDS = 10.0


class Words(ProgressColumn):
    """A text of a task as it is: names may contain control characters and markup."""

    def __init__(self, read: Callable[[Task], str]) -> None:
        super().__init__()
        self._read = read

    def render(self, task: Task) -> Text:
        """The text on one line."""
        return Text(visible_line(self._read(task)))


class _Shown:
    """Bars on stderr, as a context manager; each is followed by ``figure`` and its row counts."""

    def __init__(self, screen: Screen, figure: ProgressColumn) -> None:
        self._screen = screen
        columns = (
            Words(lambda task: task.description),
            BarColumn(),
            figure,
            Words(lambda task: task.fields["rows"]),
        )
        self._bars = RichProgress(*columns, console=screen.err)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()


class Bars(_Shown):
    """A context manager with a bar per table, updated by ``show``."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen, TaskProgressColumn())
        self._whole = self._bars.add_task("starting", total=None, rows="")
        self._tables: dict[str, TaskID] = {}
        self._phase, self._said_at = "", 0.0

    def show(self, progress: Progress) -> None:
        """Update the bars. Without a terminal, print a line per phase and every ten seconds."""
        for table in progress.tables:
            self._show_table(table)
        if progress.phase:
            self._bars.update(self._whole, description=MIGRATION.phases[progress.phase], rows=self._elapsed())
        self._say(progress)
        self._phase = progress.phase

    def finish(self) -> None:
        """Fill the bars."""
        for task in self._tables.values():
            self._bars.update(task, completed=self._bars.tasks[task].total)
        self._bars.update(self._whole, description="done", total=1, completed=1, rows=self._elapsed())

    def _elapsed(self) -> str:
        return f"{self._bars.tasks[self._whole].elapsed or 0:.0f} s"

    def _show_table(self, table: TableProgress) -> None:
        if table.table not in self._tables:
            self._tables[table.table] = self._bars.add_task(table.table, total=table.bytes or 1, rows="")
        self._bars.update(self._tables[table.table], completed=table.loaded_bytes, rows=rows(table))

    def _say(self, progress: Progress) -> None:
        now = time.monotonic()
        due = progress.phase != self._phase or now - self._said_at >= _LINE_SECONDS
        if progress.phase and due and not self._screen.err.is_terminal:
            self._said_at = now
            self._screen.say(line(progress))


class Line(_Shown):
    """One line for a run without counts: its phase and a note."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen, TimeElapsedColumn())
        self._said, self._said_at = "", 0.0
        self._task = self._bars.add_task("starting", total=None, rows="")

    def show(self, doing: str, note: str) -> None:
        """Update the line. Without a terminal, print it when the phase changes and periodically."""
        self._bars.update(self._task, description=doing, rows=note)
        now = time.monotonic()
        due = doing != self._said or now - self._said_at >= _LINE_SECONDS
        if due and not self._screen.err.is_terminal:
            self._said, self._said_at = doing, now
            self._screen.say(f"{doing}: {note}" if note else doing)

    def finish(self, note: str, *, done: bool) -> None:
        """End the line; ``done`` if the run succeeded."""
        end: dict[str, Any] = (
            {"description": "done", "total": 1, "completed": 1} if done else {"description": "failed"}
        )
        self._bars.update(self._task, rows=note, **end)


class SendingBar(_Shown):
    """One bar for a file that is being sent; ``size`` in bytes, if known."""

    def __init__(self, screen: Screen, size: int | None) -> None:
        super().__init__(screen, TaskProgressColumn())
        self._size, self._said_at = size, time.monotonic()
        self._task = self._bars.add_task("sending", total=size, rows="")

    def show(self, tally: Tally) -> None:
        """Update the bar. Without a terminal, print a line every ten seconds."""
        rejected = f", {tally.rejected:,} rejected" if tally.rejected else ""
        text = f"{tally.read:,} records{rejected}"
        self._bars.update(self._task, completed=tally.bytes, rows=text)
        if not self._screen.err.is_terminal and time.monotonic() - self._said_at >= _LINE_SECONDS:
            self._said_at = time.monotonic()
            self._screen.say(f"{tally.bytes / self._size:.0%}, {text}" if self._size else text)

    def finish(self) -> None:
        """Fill the bar."""
        size = self._size or 1
        self._bars.update(self._task, description="sent", total=size, completed=size)


def rows(table: TableProgress) -> str:
    """Return the row counts of a table so far."""
    rejected = f", {table.rejected:,} rejected" if table.rejected else ""
    return f"{table.read:,} rows{rejected}" if table.read else ""


def line(progress: Progress) -> str:
    """Return the total progress as one line."""
    size = sum(table.bytes for table in progress.tables)
    text = MIGRATION.phases[progress.phase]
    if progress.phase == LOAD and size:
        loaded, read = (sum(getattr(t, name) for t in progress.tables) for name in ("loaded_bytes", "read"))
        text += f": {loaded / size:.0%} of {len(progress.tables)} table(s), {read:,} rows"
    return text
