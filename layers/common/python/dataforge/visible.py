"""Text of files and names for terminals and pages: symbols in place of control characters.

An escape sequence in a file name or a record could otherwise hide or forge output.
"""

from __future__ import annotations

_PICTURES = 0x2400
"""The first Unicode symbol for control characters."""

_BIDIRECTIONAL = (0x61C, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_SEPARATORS = (0x2028, 0x2029)
_VISIBLE = {
    **{code: chr(_PICTURES + code) for code in range(0x20) if chr(code) not in "\t\n"},
    **dict.fromkeys((0x7F, *range(0x80, 0xA0), *_BIDIRECTIONAL, *_SEPARATORS), "\ufffd"),
}
_LINE_ENDS = {ord("\n"): "\u240a", ord("\t"): "\u2409"}


def visible(text: str) -> str:
    """The text with symbols in place of control characters, except tabs and line feeds."""
    return text.translate(_VISIBLE)


def visible_line(text: str) -> str:
    """``visible`` on one line: tabs and line feeds are symbols too."""
    return visible(text).translate(_LINE_ENDS)
