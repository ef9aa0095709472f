"""Texts in a module: one line each of printable characters, since names of files and columns may have any."""

from __future__ import annotations

import textwrap

WIDTH = 110
"""The length of a line."""


def plain(text: str) -> str:
    """The text in one line, without characters that could end a docstring."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line.replace("\\", "/").replace('"', "'")


def comment(note: str, indent: str = "") -> list[str]:
    """The lines of a comment that is one sentence."""
    text, start = plain(note).strip(), f"{indent}# "
    return textwrap.wrap(
        text if text.endswith((".", "?", ":")) else f"{text}.",
        WIDTH,
        initial_indent=start,
        subsequent_indent=start,
        break_on_hyphens=False,
    )


def paragraphs(*texts: str, indent: str = "") -> str:
    """A docstring of paragraphs; the first is its summary, in one line if there are others."""
    wrapped = [textwrap.fill(text, WIDTH - len(indent) - 6, break_on_hyphens=False) for text in texts]
    if len(wrapped) == 1 and "\n" not in wrapped[0]:
        return f'{indent}"""{wrapped[0]}"""'
    body = textwrap.indent("\n\n".join(wrapped), indent).lstrip()
    return f'{indent}"""{body}\n{indent}"""'
