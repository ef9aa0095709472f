"""The element ``Condition`` of a statement: operators, their suffix ``IfExists``, and ``ForAllValues``, ``ForAnyValue``.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from local.iam.calls import Value
from local.iam.wildcards import arn_matches, matches, resolve

Test = Callable[[str, str], bool]
"""A condition key's value and the value in the policy to whether they agree."""


class UnknownOperator(Exception):
    """A policy has a condition operator that IAM does not have, or that is not implemented."""


def conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, Value]) -> bool:
    """Whether every condition holds. Raises ``UnknownOperator``."""
    return all(
        _holds(operator, context.get(key.lower()), _texts(wanted), context)
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, value: Value | None, wanted: list[str], context: Mapping[str, Value]) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if name == "Null":
        return (value is None) == (wanted[0].lower() == "true")
    base = name.removesuffix("IfExists")
    positive = base.replace("Not", "")
    test = TESTS.get(positive)
    if test is None or quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise UnknownOperator(operator)
    negated = base != positive
    if value is None:
        return name != base or quantifier == "ForAllValues" or (negated and not quantifier)
    # A variable without a value remains text, which no value of a key equals.
    resolved = [resolve(text, context) or text for text in wanted]
    outcomes = (any(test(found, text) for text in resolved) != negated for found in _values(value))
    return any(outcomes) if quantifier == "ForAnyValue" else all(outcomes)


def _values(value: Value) -> Iterable[str]:
    return (value,) if isinstance(value, str) else value


def _texts(wanted: Any) -> list[str]:
    values = wanted if isinstance(wanted, list) else [wanted]
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _numbers(compare: Callable[[Decimal, Decimal], bool]) -> Test:
    def test(found: str, wanted: str) -> bool:
        try:
            return compare(Decimal(found), Decimal(wanted))
        except InvalidOperation:
            return False

    return test


def _dates(compare: Callable[[datetime, datetime], bool]) -> Test:
    def test(found: str, wanted: str) -> bool:
        try:
            return compare(_moment(found), _moment(wanted))
        except ValueError:
            return False

    return test


def _moment(text: str) -> datetime:
    """ISO 8601, or seconds since 1970."""
    if text.replace(".", "", 1).isdecimal():
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_network(found: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(found) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


TESTS: dict[str, Test] = {
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": lambda found, wanted: found.lower() == wanted.lower(),
    "StringLike": lambda found, wanted: matches(wanted, found),
    "NumericEquals": _numbers(Decimal.__eq__),
    "NumericLessThan": _numbers(Decimal.__lt__),
    "NumericLessThanEquals": _numbers(Decimal.__le__),
    "NumericGreaterThan": _numbers(Decimal.__gt__),
    "NumericGreaterThanEquals": _numbers(Decimal.__ge__),
    "DateEquals": _dates(datetime.__eq__),
    "DateLessThan": _dates(datetime.__lt__),
    "DateLessThanEquals": _dates(datetime.__le__),
    "DateGreaterThan": _dates(datetime.__gt__),
    "DateGreaterThanEquals": _dates(datetime.__ge__),
    "Bool": lambda found, wanted: found.lower() == wanted.lower(),
    "BinaryEquals": str.__eq__,
    "IpAddress": _in_network,
    "ArnEquals": lambda found, wanted: arn_matches(wanted, found),
    "ArnLike": lambda found, wanted: arn_matches(wanted, found),
}
