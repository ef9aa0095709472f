"""Refuse unclear wording and long lines in the project's text: `python -m checks.prose [PATH...]`.

Without a path the check reads ROOTS. Of Python files it reads comments, strings and names of tests; of Markdown, everything
but code. `--count` prints the number of findings per folder instead of the findings.
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from checks.phrases import PHRASES

ROOT = Path(__file__).resolve().parent.parent
# The paths that are checked without arguments: the whole repository.
ROOTS = (".",)
EXCLUDED = ("LICENSE", "checks/phrases.py", "package-lock.json")
SUFFIXES = {".css", ".html", ".in", ".j2", ".js", ".md", ".py", ".sh", ".sql", ".toml", ".yaml", ".yml", ""}
MAX_WIDTH = 120
# Lines with this text are not checked: names of other programs, and persisted values.
IGNORED = "prose: ignore"

_RULES = [(re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), advice) for pattern, advice in PHRASES]
_CODE_SPAN = re.compile(r"(`+)(?!`)(?:.|\n(?!\s*\n))+?(?<!`)\1(?!`)")
_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_LINK_TARGET = re.compile(r"\]\([^)]*\)|https?://\S+")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_TEXT_TOKENS = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


class Finding(NamedTuple):
    """A place that breaks a rule. ``path`` is relative to the repository."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def main() -> int:
    """Exit status 0: no findings. 1: the findings were printed."""
    parser = argparse.ArgumentParser(description="Check the wording of the project's text.")
    parser.add_argument(
        "paths", nargs="*", default=ROOTS, help="files or folders; default: " + ", ".join(ROOTS)
    )
    parser.add_argument("--count", action="store_true", help="print the number of findings per folder")
    options = parser.parse_args()
    files = tracked(options.paths)
    found = [finding for path in files for finding in findings(path, (ROOT / path).read_text())]
    if options.count:
        _print_counts(found)
    else:
        print("\n".join(map(str, found)) or f"prose: {len(files)} files, no findings.")
    return 1 if found else 0


def tracked(paths: list[str] | tuple[str, ...]) -> list[str]:
    """The tracked text files at or below the paths, relative to the repository."""
    existing = [path for path in paths if Path(path).exists()]
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--full-name", "--", *existing], capture_output=True, text=True, check=True
    )
    names = sorted({name for name in listed.stdout.split("\0") if name} if existing else ())
    checked = (name for name in names if Path(name).suffix in SUFFIXES and name not in EXCLUDED)
    return [name for name in checked if (ROOT / name).exists()]


def findings(path: str, text: str) -> Iterator[Finding]:
    """The findings in a file's text, by line."""
    lines = text.split("\n")
    prose = "\n".join(
        "" if IGNORED in line else shown
        for line, shown in zip(lines, prose_of(path, text).split("\n"), strict=True)
    )
    found = {
        Finding(path, prose.count("\n", 0, match.start()) + 1, f'"{" ".join(match[0].split())}": {advice}')
        for rule, advice in _RULES
        for match in rule.finditer(prose)
    }
    if path.endswith(".md"):
        found.update(Finding(path, number, f"longer than {MAX_WIDTH} columns") for number in long_lines(text))
    yield from sorted(found)


def prose_of(path: str, text: str) -> str:
    """The text with everything that is not prose replaced, line by line."""
    if path.endswith(".py"):
        return _hide(_CODE_SPAN, _python_prose(text))
    if path.endswith(".md"):
        return _hide(_CODE_SPAN, _hide(_FENCE, text))
    return _hide(_CODE_SPAN, text)


def long_lines(text: str) -> Iterator[int]:
    """The numbers of Markdown lines that are too long; tables, code and the targets of links do not count."""
    for number, line in enumerate(_hide(_FENCE, text).split("\n"), 1):
        if (
            not line.lstrip().startswith("|")
            and len(_LINK_TARGET.sub("", line.replace("\0", ""))) > MAX_WIDTH
        ):
            yield number


def _python_prose(text: str) -> str:
    """Comments, strings that have a space, and names of tests as words."""
    lines = [re.sub(r"\S", "\0", line) for line in text.split("\n")]
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in _TEXT_TOKENS and " " in token.string:
            _put(lines, token, _PLACEHOLDER.sub(_blank, re.sub(r"[\"'#]", " ", token.string)))
        elif token.type == tokenize.NAME and token.string.startswith("test_"):
            _put(lines, token, token.string.replace("_", " "))
    return "\n".join(lines)


def _put(lines: list[str], token: tokenize.TokenInfo, shown: str) -> None:
    number, column = token.start
    for offset, part in enumerate(shown.split("\n")):
        line = lines[number - 1 + offset]
        lines[number - 1 + offset] = line[:column] + part + line[column + len(part) :]
        column = 0


def _hide(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "\0", match[0])


def _print_counts(found: list[Finding]) -> None:
    folders = Counter("/".join(Path(finding.path).parent.parts[:2]) or finding.path for finding in found)
    for folder, number in sorted(folders.items()):
        print(f"{number:6} {folder}")
    print(f"{len(found):6} in all")


if __name__ == "__main__":
    sys.exit(main())
