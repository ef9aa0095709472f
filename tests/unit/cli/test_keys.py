"""``dataforge keys``, with moto's API Gateway and the limits of a schema function."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from dataforge.key_limits import MARK, UNLIMITED, KeyLimits
from dataforge_cli.aws.api_keys import KINDS, LIMITED
from dataforge_cli.aws.key_limits import NoKeyLimits, Options
from dataforge_cli.errors import FunctionFailed, WrongCall
from dataforge_cli.output.keys import may_use
from dataforge_cli.runs import keys
from dataforge_cli.runs.keys import LimitedKey, UnknownKey

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient

TODAY = datetime.now(UTC).date()
ORDERS = KeyLimits(datasets={"olist": ("orders",)}, expires=TODAY + timedelta(days=90))


@dataclass
class SchemaFunction:
    """The schema function as Lambda's client invokes it. ``fails``: at the change of this number."""

    stored: dict[str, Any] = field(default_factory=dict)
    fails: int = 0
    changes: int = 0
    audit: list[tuple[str, str]] = field(default_factory=list)
    is_old: bool = False

    def invoke(self, **request: str) -> dict[str, Any]:
        change = json.loads(request["Payload"]).get("change")
        if self.is_old:
            return self.answer({"changes": []})
        if change:
            self.changes += 1
            if self.changes == self.fails:
                return self.answer({"errorMessage": "unavailable"}) | {"FunctionError": "Unhandled"}
            self.audit.append((change["what"], change["key_id"]))
            self.stored[change["key_id"]] = change["limits"]
            self.stored = {key: limits for key, limits in self.stored.items() if limits is not None}
        found = [{"key_id": key, "limits": limits} for key, limits in self.stored.items()]
        return self.answer({"keys": found})

    def answer(self, document: Any) -> dict[str, Any]:
        return {"Payload": BytesIO(json.dumps(document).encode())}


@dataclass
class Target:
    """A deployment."""

    gateway: APIGatewayClient
    functions: SchemaFunction
    outputs: dict[str, str]
    stated_identity: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, output: str) -> str:
        return self.outputs[output]


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("apigateway", region_name="eu-west-1")
        plans = {f"{kind}_plan": client.create_usage_plan(name=kind)["id"] for kind in KINDS}
        yield Target(client, SchemaFunction(), {**plans, "schema_arn": "arn"})


def same(limits: KeyLimits) -> KeyLimits:
    return limits


def listed(target: Any) -> list[LimitedKey]:
    return keys.list_limited(target)[0]


def test_value_of_a_key_without_limits_has_no_mark(target: Any) -> None:
    made, value = keys.create(target, "writer", "shop", UNLIMITED)
    assert re.fullmatch(r"writer\.[0-9a-f]{48}", value)
    assert made.limits == UNLIMITED
    assert target.functions.audit == [("create", made.key.id)]


def test_value_of_a_limited_key_is_marked_and_its_limits_are_stored(target: Any) -> None:
    made, value = keys.create(target, "reader", "partner", ORDERS)
    assert re.fullmatch(r"reader\.limited\.[0-9a-f]{48}", value)
    assert listed(target) == [made]
    assert made.limits == ORDERS
    assert MARK == LIMITED


def test_key_whose_limits_cannot_be_stored_does_not_exist(target: Any) -> None:
    target.functions.fails = 1
    with pytest.raises(FunctionFailed):
        keys.create(target, "reader", "partner", ORDERS)
    assert listed(target) == []


def test_limits_of_a_key_in_use_are_changed_in_the_given_part_only(target: Any) -> None:
    keys.create(target, "reader", "partner", ORDERS)
    changed = keys.limit(target, "partner", Options(datasets="quotes").applied_to)
    assert changed.limits == KeyLimits(datasets={"quotes": None}, expires=ORDERS.expires)
    assert listed(target)[0].limits == changed.limits


def test_rotation_creates_a_key_of_the_same_kind_and_limits_and_ends_the_old_one(target: Any) -> None:
    made, value = keys.create(target, "reader", "partner", ORDERS)
    last_day = TODAY + timedelta(days=7)
    old, new, other = keys.rotate(target, "partner", None, same, last_day)
    assert (old.key, old.limits.expires, old.limits.datasets) == (made.key, last_day, ORDERS.datasets)
    assert (new.key.name, new.key.kind, new.limits) == ("partner-2", "reader", ORDERS)
    assert value != other
    assert [what for what, _ in target.functions.audit] == ["create", "create", "rotate"]
    assert keys.rotate(target, "partner", None, same, last_day)[1].key.name == "partner-3"


def test_rotation_does_not_extend_a_key_that_ends_earlier(target: Any) -> None:
    soon = KeyLimits(expires=TODAY + timedelta(days=2))
    keys.create(target, "reader", "partner", soon)
    old, new, _ = keys.rotate(target, "partner", None, same, TODAY + timedelta(days=7))
    assert (old.limits, new.limits) == (soon, soon)


@pytest.mark.parametrize("fails", [1, 2])
def test_failed_rotation_leaves_the_old_key_alone(target: Any, fails: int) -> None:
    made, _ = keys.create(target, "reader", "partner", ORDERS)
    target.functions.fails = 1 + fails
    with pytest.raises(FunctionFailed):
        keys.rotate(target, "partner", None, same, TODAY)
    assert listed(target) == [made]


def test_deleted_key_ends_although_the_database_is_unavailable(target: Any) -> None:
    keys.create(target, "reader", "partner", ORDERS)
    target.functions.fails = 2
    with pytest.raises(FunctionFailed):
        keys.delete(target, "partner")
    found, orphans = keys.list_limited(target)
    assert (found, len(orphans)) == ([], 1)
    assert keys.delete(target, orphans[0])["enabled"] is False
    assert keys.list_limited(target) == ([], [])


def test_unknown_and_ambiguous_names_are_refused(target: Any) -> None:
    for _ in range(2):
        keys.create(target, "reader", "partner", UNLIMITED)
    for word in ("partner", "nobody"):
        with pytest.raises(UnknownKey, match=word):
            keys.delete(target, word)


def test_deployment_without_limits_is_named(target: Any) -> None:
    target.functions.is_old = True
    with pytest.raises(NoKeyLimits, match="deployment"):
        listed(target)


@pytest.mark.parametrize(
    ("given", "limits", "shown"),
    [
        (Options("olist, quotes"), {"olist": None, "quotes": None}, "olist, quotes"),
        (
            Options("olist", "orders,customers"),
            {"olist": ("orders", "customers")},
            "olist.orders, olist.customers",
        ),
        (Options(None, "olist.orders"), {"olist": ("orders",)}, "olist.orders"),
        (
            Options("olist", "orders,quotes.tags"),
            {"olist": ("orders",), "quotes": ("tags",)},
            "olist.orders, quotes.tags",
        ),
        (Options("a,b", "a.x"), {"a": ("x",), "b": None}, "a.x, b"),
        (Options(expires="2999-12-31"), None, "everything"),
    ],
)
def test_options_name_datasets_and_tables(given: Options, limits: Any, shown: str) -> None:
    found = given.applied_to(UNLIMITED)
    assert found == KeyLimits(datasets=limits, expires=date(2999, 12, 31) if given.expires else None)
    assert may_use(found) == shown


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Options(","), "--datasets"),
        (Options("olist", " "), "--tables"),
        (Options(None, "orders"), "DATASET.TABLE"),
        (Options("olist,quotes", "orders"), "DATASET.TABLE"),
        (Options(expires="31.1.2027"), "YYYY-MM-DD"),
        (Options(expires="2020-01-31"), "has passed"),
    ],
)
def test_invalid_options_are_named(given: Options, words: str) -> None:
    with pytest.raises(WrongCall, match=re.escape(words)):
        given.applied_to(UNLIMITED)
