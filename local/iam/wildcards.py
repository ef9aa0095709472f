"""Patterns of policies: ``*`` is any text, ``?`` one character."""

import re
from collections.abc import Mapping
from functools import lru_cache

from local.iam.calls import Value

VARIABLE = re.compile(r"\$\{([^},]+)(?:, *'([^']*)')?\}")
LITERALS = {"*": "*", "?": "?", "$": "$"}


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Whether the whole value matches."""
    return pattern == "*" or _compiled(pattern, ignore_case).fullmatch(value) is not None


def arn_matches(pattern: str, value: str) -> bool:
    """Whether the ARN matches. Each of the six parts is compared for itself, so ``*`` does not extend beyond a colon."""
    wanted, found = pattern.split(":", 5), value.split(":", 5)
    if len(wanted) != 6 or len(found) != 6:
        return pattern == "*"
    return all(matches(part, whole) for part, whole in zip(wanted, found, strict=True))


def resource_matches(pattern: str, resource: str, context: Mapping[str, Value]) -> bool:
    """Whether a resource matches an element of ``Resource``; a variable without a value matches nothing."""
    resolved = resolve(pattern, context)
    return resolved is not None and matches(resolved, resource)


def resolve(text: str, context: Mapping[str, Value]) -> str | None:
    """The text with the values of its variables, such as ``${aws:PrincipalAccount}``; None if one has no single value."""
    if "${" not in text:
        return text
    found = [_value(name, default, context) for name, default in VARIABLE.findall(text)]
    if any(value is None for value in found):
        return None
    values = iter(found)
    return VARIABLE.sub(lambda _: str(next(values)), text)


def _value(name: str, default: str, context: Mapping[str, Value]) -> str | None:
    if name in LITERALS:
        # The compiled pattern would treat the character as a wildcard.
        return f"[{name}]" if name in "*?" else name
    value = context.get(name.lower(), default or None)
    return value if isinstance(value, str) else None


@lru_cache(maxsize=10_000)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = re.split(r"(\[\*\]|\[\?\]|\*|\?)", pattern)
    text = "".join(
        {"*": ".*", "?": ".", "[*]": r"\*", "[?]": r"\?"}.get(part, re.escape(part)) for part in parts
    )
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
