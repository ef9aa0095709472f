"""The keys of a deployment: in API Gateway, with their limits in the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from itertools import count
from typing import Any

from dataforge.key_limits import UNLIMITED, KeyLimits
from dataforge_cli.aws.api_keys import PLAN_OUTPUTS, Key, create_key, delete_key, list_keys
from dataforge_cli.aws.deployment import Deployment
from dataforge_cli.aws.key_limits import read_limits, store_limits
from dataforge_cli.errors import WrongCall

Change = Callable[[KeyLimits], KeyLimits]
"""Makes new limits of a key from its present ones."""


class UnknownKey(WrongCall):
    """No API key has this id or name, or several have it."""

    code = "UnknownKey"
    hint = "`dataforge keys list` shows the ids."


@dataclass(frozen=True)
class LimitedKey:
    """A key and its limits."""

    key: Key
    limits: KeyLimits = UNLIMITED

    def document(self) -> dict[str, Any]:
        """Return both as JSON."""
        created = self.key.created.astimezone(UTC).isoformat()
        return {**vars(self.key), "created": created, **self.limits.model_dump(mode="json")}


def list_limited(deployment: Deployment) -> tuple[list[LimitedKey], list[str]]:
    """Return all keys, oldest first, and the ids of limits whose keys do not exist any more."""
    limits = read_limits(deployment)
    found = [LimitedKey(key, limits.get(key.id, UNLIMITED)) for key in _all(deployment)]
    return found, sorted(limits.keys() - {one.key.id for one in found})


def create(deployment: Deployment, kind: str, name: str, limits: KeyLimits) -> tuple[LimitedKey, str]:
    """Create a key. Returns it and its value. It is valid only after its limits are stored."""

    def register(key_id: str) -> None:
        store_limits(deployment, key_id, "create", limits)

    plan = deployment[PLAN_OUTPUTS[kind]]
    limited = limits != UNLIMITED
    key, value = create_key(deployment.gateway, plan, kind, name, limited=limited, register=register)
    return LimitedKey(key, limits), value


def limit(deployment: Deployment, word: str, change: Change) -> LimitedKey:
    """Change the limits of the key with this id or name. Raises ``UnknownKey``."""
    key = _find(deployment, word)
    limits = change(read_limits(deployment).get(key.id, UNLIMITED))
    store_limits(deployment, key.id, "limit", limits)
    return LimitedKey(key, limits)


def rotate(
    deployment: Deployment, word: str, name: str | None, change: Change, last_day: date
) -> tuple[LimitedKey, LimitedKey, str]:
    """Create a key of the same kind and limits, and let the old one end. Returns both, and the value of the new one.

    If the end of the old one cannot be stored, the new one is deleted. Raises ``UnknownKey``.
    """
    old = _find(deployment, word)
    limits = read_limits(deployment).get(old.id, UNLIMITED)
    ending = limits.model_copy(update={"expires": min(limits.expires or last_day, last_day)})
    new, value = create(deployment, old.kind, name or _next_name(deployment, old.name), change(limits))
    try:
        store_limits(deployment, old.id, "rotate", ending)
    except BaseException:
        delete_key(deployment.gateway, new.key.id)
        raise
    return LimitedKey(old, ending), new, value


def delete(deployment: Deployment, word: str) -> Mapping[str, Any]:
    """Delete a key, then its limits; or the limits of a key that does not exist any more, by its id.

    The key ends even if the database is unavailable. Raises ``UnknownKey``.
    """
    try:
        key = _find(deployment, word)
    except UnknownKey:
        if word not in read_limits(deployment):
            raise
        store_limits(deployment, word, "delete", None)
        return {"id": word, "name": "limits of a deleted key", "enabled": False}
    delete_key(deployment.gateway, key.id)
    store_limits(deployment, key.id, "delete", None)
    return LimitedKey(key).document() | {"enabled": False}


def _all(deployment: Deployment) -> list[Key]:
    plans = {kind: deployment[output] for kind, output in PLAN_OUTPUTS.items()}
    return sorted(list_keys(deployment.gateway, plans), key=lambda one: one.created)


def _find(deployment: Deployment, word: str) -> Key:
    found = [one for one in _all(deployment) if word in {one.id, one.name}]
    if len(found) != 1:
        many = "More than one key has the name" if found else "There is no key"
        raise UnknownKey(f"{many} {word!r}.")
    return found[0]


def _next_name(deployment: Deployment, name: str) -> str:
    taken = {one.name for one in _all(deployment)}
    return next(free for number in count(2) if (free := f"{name}-{number}") not in taken)
