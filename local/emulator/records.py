"""Write the state of a service of the emulator as texts, one for each entry of its stores, and read them again."""

import ast
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.core.persistence import _json_default, _json_object_hook
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

from local.emulator.journal import Place

LARGE = 64 * 1024
"""Bytes of this length and more, which are code and layers, are stored as blobs."""
BLOB = "__blob__"
SCOPES = {"account": AccountScopedDict, "region": AccountRegionScopedDict}


def write(service: str, state: Mapping[str, Any], blobs: dict[str, bytes]) -> dict[Place, str]:
    """The entries of a service's stores. Large bytes are added to ``blobs`` by their digest."""

    def default(value: Any) -> Any:
        if isinstance(value, bytes) and len(value) >= LARGE:
            digest = hashlib.sha256(value).hexdigest()
            blobs[digest] = value
            return {BLOB: digest}
        return _json_default(value)

    return {
        Place(service, store, key): json.dumps(value, default=default)
        for store, content in state.items()
        for key, value in _items(content)
    }


def read(entries: Iterable[tuple[Place, str]], blob: Callable[[str], bytes]) -> dict[str, Any]:
    """The stores of a service, in the form that it restores."""

    def hook(value: dict[str, Any]) -> Any:
        return blob(value[BLOB]) if BLOB in value else _json_object_hook(value)

    state: dict[str, Any] = {}
    for place, text in entries:
        value = json.loads(text, object_hook=hook)
        if place.key:
            scope, *key = json.loads(place.key)
            state.setdefault(place.store, SCOPES[scope]())._data[(*key[:-1], ast.literal_eval(key[-1]))] = (
                value
            )
        else:
            state[place.store] = value
    return state


def _items(content: Any) -> list[tuple[str, Any]]:
    for scope, kind in SCOPES.items():
        if type(content) is kind:
            return [
                (json.dumps([scope, *key[:-1], repr(key[-1])]), value)
                for key, value in list(content._data.items())
            ]
    return [("", content)]
