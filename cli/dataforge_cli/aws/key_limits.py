"""Limits of API keys, which the schema function stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from dataforge.key_limits import KeyLimits
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.aws.schema_function import ask
from dataforge_cli.errors import CommandError, WrongCall


class NoKeyLimits(CommandError):
    """The deployment is older than limits of API keys."""

    code = "NoKeyLimits"
    hint = "Deploy this version, then repeat the command."


def read_limits(deployment: Deployment) -> dict[str, KeyLimits]:
    """Return the limits by the id of the key. Raises ``NoKeyLimits``, ``FunctionFailed``."""
    return _by_id(ask(deployment, "keys"))


What = Literal["create", "limit", "rotate", "delete"]


def store_limits(deployment: Deployment, key_id: str, what: What, limits: KeyLimits | None) -> None:
    """Set the limits of a key, and record the change in the audit; None deletes them.

    Raises ``NoKeyLimits``, ``FunctionFailed``.
    """
    document = None if limits is None else limits.model_dump(mode="json")
    change = {"key_id": key_id, "what": what, "limits": document}
    _by_id(ask(deployment, "keys", change=change, **deployment.stated_identity))


def _by_id(answer: Mapping[str, Any]) -> dict[str, KeyLimits]:
    if "keys" not in answer:
        raise NoKeyLimits("The deployment has no limits of API keys.")
    return {found["key_id"]: KeyLimits.model_validate(found["limits"]) for found in answer["keys"]}


@dataclass(frozen=True)
class Options:
    """The options that set limits. ``datasets``: names separated by commas. ``tables``: ``TABLE`` of the one dataset, or
    ``DATASET.TABLE``, separated by commas. ``expires``: a date.
    """

    datasets: str | None = None
    tables: str | None = None
    expires: str | None = None

    def __bool__(self) -> bool:
        return self != Options()

    def applied_to(self, base: KeyLimits) -> KeyLimits:
        """Return the limits, changed by the options that are given. Raises ``WrongCall``."""
        kept = self.datasets is None and self.tables is None
        scope = base.datasets if kept else _scope(self.datasets, self.tables)
        return KeyLimits(datasets=scope, expires=base.expires if self.expires is None else _day(self.expires))


def _scope(datasets: str | None, tables: str | None) -> dict[str, tuple[str, ...] | None]:
    names = _names(datasets, "--datasets")
    found: dict[str, tuple[str, ...] | None] = dict.fromkeys(names)
    for text in _names(tables, "--tables"):
        dataset, point, table = text.partition(".")
        if not point:
            if len(names) != 1:
                raise WrongCall(
                    f"--tables: {text!r} does not name its dataset.", hint="Specify it as DATASET.TABLE."
                )
            dataset, table = names[0], text
        found[dataset] = (*(found.get(dataset) or ()), table)
    return found


def _names(text: str | None, option: str) -> list[str]:
    if text is None:
        return []
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise WrongCall(f"{option} contains no name.", hint="Separate names by commas.")
    return list(dict.fromkeys(names))


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise WrongCall(f"--expires: {text!r} is not a date.", hint="Specify YYYY-MM-DD.") from None
    if day < datetime.now(UTC).date():
        raise WrongCall(f"--expires: {day} has passed.", hint="Delete the key with `dataforge keys delete`.")
    return day
