"""RFC 4180 text, quoted only where it must be."""

from collections.abc import Sequence


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def encode(cells: Sequence[str]) -> str:
    """The record without its line end."""
    line = ",".join(cells)
    # Nearly every record needs no quotes: one test of the whole is cheaper than one of each cell.
    if line.count(",") == len(cells) - 1 and not _has_special(line):
        return line
    return ",".join(quoted(cell) if "," in cell or _has_special(cell) else cell for cell in cells)


def _has_special(text: str) -> bool:
    return '"' in text or "\n" in text or "\r" in text
