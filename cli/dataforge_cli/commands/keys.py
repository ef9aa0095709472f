"""``dataforge keys``: create, list, limit, rotate and delete keys of the HTTP API."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from dataforge.key_limits import SECONDS, UNLIMITED
from dataforge_cli.aws.api_keys import KINDS
from dataforge_cli.aws.key_limits import Options
from dataforge_cli.call import Call, calling
from dataforge_cli.errors import WrongCall
from dataforge_cli.options import Debug, Json, OutputsFile, Stage
from dataforge_cli.output.keys import ends, keys_table, may_use
from dataforge_cli.runs.keys import create, delete, limit, list_limited, rotate


class Action(StrEnum):
    """The actions of ``dataforge keys``. ``revoke`` is the earlier name of ``delete``."""

    create = "create"
    list = "list"
    limit = "limit"
    rotate = "rotate"
    delete = "delete"
    revoke = "revoke"


class Kind(StrEnum):
    """The kinds of keys; each includes the permissions of those before it."""

    reader = "reader"
    writer = "writer"
    operator = "operator"


_OF_KEY = {Action.limit, Action.rotate, Action.delete, Action.revoke}
_LIMITING = {Action.create, Action.limit, Action.rotate}
OVERLAP_DAYS = 7


def keys(
    action: Annotated[Action, typer.Argument(help="Select the action.", show_default=False)],
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="KEY", show_default=False, help="Limit, rotate or delete the key with this id or name."
        ),
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option(show_default=False, help="create: Set the permissions of the key.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            show_default=False,
            help="create, rotate: Set the name of the new key. Default: generated.",
        ),
    ] = None,
    datasets: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", show_default=False, help="Limit the key to these datasets. Default: all datasets."
        ),
    ] = None,
    tables: Annotated[
        str | None,
        typer.Option(
            metavar="X,B.Y",
            show_default=False,
            help="Limit the key to these tables: TABLE of the one dataset of --datasets, or DATASET.TABLE. "
            "Default: all tables of the datasets.",
        ),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM-DD",
            show_default=False,
            help="Set the last day of the key, in UTC. Default: none.",
        ),
    ] = None,
    no_limits: Annotated[
        bool, typer.Option("--no-limits", help="limit: Remove the limits that are not given. Default: no.")
    ] = False,
    overlap: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS",
            min=0,
            max=3650,
            show_default=False,
            help=f"rotate: Let the old key end after this number of days. Default: {OVERLAP_DAYS}.",
        ),
    ] = None,
    as_json: Json = False,
    stage: Stage = None,
    outputs: OutputsFile = None,
    debug: Debug = False,
) -> None:
    """Create, list, limit, rotate and delete keys of the HTTP API.

    A reader key reads data, a writer key also sends records, and an operator key has all permissions. Limits restrict a key
    to datasets, tables and days; a request beyond them is refused with 403. A key without limits may use everything.

    create prints the value of the key once, on stdout; only API Gateway stores it. limit changes the limits that are given,
    for a key in use. rotate creates a key of the same kind and limits, and sets the last day of the old one. delete
    ends a key at once (revoke is its earlier name). list shows limits and last days.

    Exit codes: 0 success, 1 refused by AWS or by the deployment, 2 invalid call.

    **Examples**

    ```
    dataforge keys create --kind writer --name shop
    dataforge keys create --kind reader --name partner --datasets olist --tables orders,customers --expires 2027-01-31
    dataforge keys list
    dataforge keys limit shop --datasets olist,quotes
    dataforge keys rotate shop --overlap 14
    dataforge keys delete shop
    ```
    """
    with calling(stage=stage, outputs=outputs, as_json=as_json, debug=debug) as call:
        given = Options(datasets, tables, expires)
        _check(action, key, kind, name, given, no_limits=no_limits, overlap=overlap)
        if action is Action.create and kind is not None:
            _create(call, kind.value, name, given)
        elif action is Action.limit and key is not None:
            _limit(call, key, given, keep=not no_limits)
        elif action is Action.rotate and key is not None:
            _rotate(call, key, name, given, OVERLAP_DAYS if overlap is None else overlap)
        elif key is not None:
            gone = delete(call.deployment, key)
            call.screen.answer(dict(gone), f"Deleted {gone['name']} ({gone['id']}).")
        else:
            _list(call)


def _create(call: Call, kind: str, name: str | None, given: Options) -> None:
    name = name or f"{kind}-{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(2)}"
    made, value = create(call.deployment, kind, name, given.applied_to(UNLIMITED))
    call.screen.say(f"{made.key.name} ({made.key.id}). The value is shown only once:")
    call.screen.answer({**made.document(), "value": value}, value)


def _limit(call: Call, key: str, given: Options, *, keep: bool) -> None:
    changed = limit(call.deployment, key, lambda base: given.applied_to(base if keep else UNLIMITED))
    text = f"{changed.key.name} ({changed.key.id}) may use {may_use(changed.limits)}; {ends(changed.limits)}."
    call.screen.answer(changed.document(), f"{text} The change takes effect within {SECONDS} seconds.")


def _rotate(call: Call, key: str, name: str | None, given: Options, overlap: int) -> None:
    last_day = datetime.now(UTC).date() + timedelta(days=overlap)
    old, new, value = rotate(call.deployment, key, name, given.applied_to, last_day)
    call.screen.say(f"{old.key.name} ({old.key.id}): {ends(old.limits)}.")
    call.screen.say(f"{new.key.name} ({new.key.id}) replaces it. The value is shown only once:")
    call.screen.answer({**new.document(), "value": value, "replaces": old.document()}, value)


def _list(call: Call) -> None:
    found, orphans = list_limited(call.deployment)
    call.screen.answer({"keys": [one.document() for one in found]}, keys_table(found))
    if orphans:
        call.screen.say(
            f"Limits of keys that do not exist any more: {', '.join(orphans)}. "
            "`dataforge keys delete ID` deletes them."
        )


def _check(
    action: Action,
    key: str | None,
    kind: Kind | None,
    name: str | None,
    given: Options,
    *,
    no_limits: bool,
    overlap: int | None,
) -> None:
    """Raise ``WrongCall`` for a missing or superfluous argument of an action."""
    if action is Action.create and kind is None:
        raise WrongCall(
            "keys create: the option --kind is missing.", hint=f"Specify --kind {'|'.join(KINDS)}."
        )
    if action in _OF_KEY and key is None:
        raise WrongCall(
            f"keys {action.value}: the id or name of the key is missing.",
            hint="`dataforge keys list` shows them.",
        )
    if action is Action.limit and not (given or no_limits):
        raise WrongCall(
            "keys limit: no limit is given.", hint="Specify --datasets, --tables, --expires or --no-limits."
        )
    superfluous = (
        (kind and action is not Action.create)
        or (name and action not in {Action.create, Action.rotate})
        or (given and action not in _LIMITING)
        or (no_limits and action is not Action.limit)
        or (overlap is not None and action is not Action.rotate)
        or (key and action not in _OF_KEY)
    )
    if superfluous:
        raise WrongCall(
            f"keys {action.value} does not take this argument.", hint="See `dataforge keys --help`."
        )
