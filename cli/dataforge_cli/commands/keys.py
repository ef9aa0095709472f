"""``dataforge keys``: create, list and revoke keys of the HTTP API."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dataforge_cli.aws.api_keys import KINDS, PLAN_OUTPUTS, Key, create_key, list_keys, revoke_key
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.options import Debug, Json, OutputsFile, Stage
from dataforge_cli.output.tables import keys_table

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient


class Action(StrEnum):
    """The actions of ``dataforge keys``."""

    create = "create"
    list = "list"
    revoke = "revoke"


class Kind(StrEnum):
    """The kinds of keys; each includes the permissions of those before it."""

    reader = "reader"
    writer = "writer"
    operator = "operator"


class UnknownKey(WrongCall):
    """No API key has this id or name, or several have it."""

    code = "UnknownKey"
    hint = "`dataforge keys list` shows the ids."


def keys(
    action: Annotated[Action, typer.Argument(help="Select the action.", show_default=False)],
    key: Annotated[
        str | None,
        typer.Argument(metavar="KEY", show_default=False, help="Revoke the key with this id or name."),
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option(show_default=False, help="Set the permissions of the new key.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", show_default=False, help="Set the name of the new key. Default: generated."
        ),
    ] = None,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Create, list and revoke keys of the HTTP API.

    The value of a new key is printed once, on stdout, and stored only in API Gateway. A revoked key is refused immediately.
    A reader key reads data, a writer key also sends records, and an operator key has all permissions.

    Exit codes: 0 success, 1 refused by AWS, 2 invalid call.

    **Examples**

    ```
    dataforge keys create --kind writer --name shop
    dataforge keys list
    dataforge keys revoke shop
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        _check(action, key, kind, name)
        client = call.deployment.gateway
        if action is Action.create and kind is not None:
            _create(call, client, kind.value, name)
        elif action is Action.revoke and key is not None:
            _revoke(call, client, key)
        else:
            found = _all(call, client)
            call.screen.answer({"keys": [_document(one) for one in found]}, keys_table(found))


def _check(action: Action, key: str | None, kind: Kind | None, name: str | None) -> None:
    """Raise ``WrongCall`` for a missing or superfluous argument of an action."""
    if action is Action.create and kind is None:
        raise WrongCall(
            "keys create: the option --kind is missing.", hint=f"Specify --kind {'|'.join(KINDS)}."
        )
    if action is Action.revoke and key is None:
        raise WrongCall(
            "keys revoke: the id or name of the key is missing.", hint="`dataforge keys list` shows them."
        )
    if (action is not Action.create and (kind or name)) or (action is not Action.revoke and key):
        raise WrongCall(
            f"keys {action.value} does not take this argument.", hint="See `dataforge keys --help`."
        )


def _create(call: Call, client: APIGatewayClient, kind: str, name: str | None) -> None:
    name = name or f"{kind}-{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(2)}"
    made, value = create_key(client, call.deployment[PLAN_OUTPUTS[kind]], kind, name)
    call.screen.say(f"{made.name} ({made.id}). The value is shown only once:")
    call.screen.answer({**_document(made), "value": value}, value)


def _revoke(call: Call, client: APIGatewayClient, word: str) -> None:
    found = [one for one in _all(call, client) if word in {one.id, one.name}]
    if len(found) != 1:
        many = "More than one key has the name" if found else "There is no key"
        raise UnknownKey(f"{many} {word!r}.")
    revoke_key(client, found[0].id)
    call.screen.answer({**_document(found[0]), "enabled": False}, f"Revoked {found[0].name} ({found[0].id}).")


def _all(call: Call, client: APIGatewayClient) -> Sequence[Key]:
    plans = {kind: call.deployment[output] for kind, output in PLAN_OUTPUTS.items()}
    return sorted(list_keys(client, plans), key=lambda one: one.created)


def _document(key: Key) -> dict[str, Any]:
    return {**vars(key), "created": key.created.astimezone(UTC).isoformat()}
