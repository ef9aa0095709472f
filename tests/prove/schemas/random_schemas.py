"""Random schemas: tables of things with references, roles, circles, composite keys and orphans, in several styles."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.prove.schemas.rows import TableSpec, parsed

_THINGS = [
    "customer", "product", "supplier", "order", "invoice", "warehouse", "employee", "vehicle", "contract", "project",
    "machine", "sensor", "patient", "doctor", "clinic", "lesson", "teacher", "parcel", "route", "account",
]  # fmt: skip
_ROLES = [
    "billing",
    "shipping",
    "primary",
    "secondary",
    "former",
    "preferred",
    "from",
    "to",
    "main",
    "backup",
]
_VALUES = [
    "name name", "label title", "price price", "amount price?", "quantity int:40", "score int:100", "created_at ts",
    "updated_at ts", "valid_on date", "active bool", "status enum:open/closed/held", "note text?", "height int:210",
]  # fmt: skip


@dataclass(frozen=True)
class Style:
    """How a program writes names: ``own`` of a key in its table, and ``other`` in tables that refer to it."""

    table: str
    own: str
    other: str
    separator: str

    def column(self, form: str, thing: str) -> str:
        """A column's name for a thing."""
        return self.spelled(form.format(thing=thing))

    def spelled(self, name: str) -> str:
        """A name of words in the style."""
        first, *others = name.split("_")
        if self.separator == "camel":
            return first + "".join(word.capitalize() for word in others)
        return self.separator.join((first, *others))

    def plural(self, thing: str) -> str:
        """The table's name for a thing."""
        return self.table.format(thing=thing)


STYLES = [
    Style("{thing}s", "{thing}_id", "{thing}_id", "_"),
    Style("{thing}s", "id", "{thing}_id", "_"),
    Style("{thing}", "{thing}_id", "{thing}_id", "camel"),
    Style("{thing}s", "id", "{thing}_id", "camel"),
    Style("dim_{thing}", "{thing}_key", "{thing}_key", "_"),
    Style("{thing}s", "{thing}_no", "{thing}_no", "_"),
    Style("{thing}s", "{thing}_code", "{thing}_code", "_"),
    Style("app_{thing}", "id", "{thing}_id", "_"),
]


def random_schema(seed: int) -> tuple[TableSpec, ...]:
    """A schema of 4 to 9 tables."""
    random_ = random.Random(seed)
    style = random_.choice(STYLES)
    things = random_.sample(_THINGS, random_.randint(4, 8))
    lines = [_thing(style, thing, things[:number], random_) for number, thing in enumerate(things)]
    lines += _details(style, things, random_)
    return parsed("\n".join(lines))


def _thing(style: Style, thing: str, before: list[str], random_: random.Random) -> str:
    kind = random_.choice(["seq", "gaps", "gaps", "code:7", "hex"])
    columns = [f"{style.column(style.own, thing)}* {kind}"]
    for parent in random_.sample(before, min(len(before), random_.randint(0, 3))):
        columns.append(_reference(style, style.column(style.other, parent), parent, random_))
        if random_.random() < 0.3:
            role = random_.choice(_ROLES)
            column = style.spelled(f"{role}_" + style.other.format(thing=parent))
            columns.append(_reference(style, column, parent, random_))
    if random_.random() < 0.3:
        columns.append(f"{style.spelled('parent_id')} -> {style.plural(thing)}?")
    values = random_.sample(_VALUES, random_.randint(2, 5))
    columns += [f"{style.spelled(name)} {kind}" for name, _, kind in (v.partition(" ") for v in values)]
    return f"{style.plural(thing)} {random_.choice([60, 300, 900, 2_500])}: {' | '.join(columns)}"


def _reference(style: Style, column: str, parent: str, random_: random.Random) -> str:
    orphans = "!" if random_.random() < 0.1 else ""
    optional = "?" if random_.random() < 0.3 else ""
    return f"{column} ->{orphans} {style.plural(parent)}{optional}"


def _details(style: Style, things: list[str], random_: random.Random) -> Iterator[str]:
    """Tables with keys of several columns, one that refers to such a key, and one without a key."""
    first, second, *_ = random_.sample(things, 3)
    own, other = (style.column(style.other, thing) for thing in (first, second))
    line = style.spelled("line_no")
    yield (
        f"{first}_lines 3000: {own}* -> {style.plural(first)} | {line}* line | {style.spelled('net_price')} price"
        f" | {style.spelled('quantity')} int:30"
    )
    yield f"{first}_{second} 800: {own}* -> {style.plural(first)} | {other}* -> {style.plural(second)}"
    yield (
        f"{first}_readings 2500: {own} -> {style.plural(first)} | {style.spelled('recorded_at')} ts"
        f" | {style.spelled('value')} price | {style.spelled('level')} int:50"
    )
