"""CSV text from rows."""

import csv
import io
from collections.abc import Iterable, Sequence


def table(header: str, rows: Iterable[Sequence[object]], *, delimiter: str = ",", end: str = "\n") -> str:
    """The header, given with commas, and the rows; None is an empty field."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end)
    writer.writerow(header.split(","))
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return buffer.getvalue()
