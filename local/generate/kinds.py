"""The kinds of dirt that a table's rows can have."""

from collections.abc import Sequence
from itertools import combinations

from local.generate.chance import Chance
from local.generate.csvtext import encode, quoted
from local.generate.drafts import Draft, Kind, Role
from local.generate.flaws import FLAWS, TRIMMED, Flaw
from local.generate.shapes import shape_kinds
from local.generate.tables import Table

Spot = tuple[Flaw, int]


def kinds_of(table: Table) -> list[Kind]:
    """All kinds that this table's columns allow, the most important ones first."""
    flawed = [_flawed(flaw, flaw.columns(table)) for flaw in FLAWS if flaw.columns(table)]
    rows = _row_kinds(table)
    return [
        *flawed[:3],
        *rows,
        *shape_kinds(table)[:3],
        *flawed[3:],
        *shape_kinds(table)[3:],
        *_harmless_kinds(table),
    ]


def _row_kinds(table: Table) -> list[Kind]:
    kinds = [Kind("duplicate", lambda cells, _: [_good(cells), _good(cells, Role.SAME)])]
    if table.rival:
        kinds.append(Kind("conflict", lambda cells, chance: [_good(cells), _rival(table, cells, chance)]))
    if table.parents:
        kinds.append(Kind("orphan", lambda cells, chance: [_orphan(cells, chance, list(table.parents))]))
    loose = [at for at in table.parents if at not in table.key]
    if loose:
        kinds.append(
            Kind("orphan_then_good", lambda cells, chance: [_orphan(cells, chance, loose), _good(cells)])
        )
    if _trimmed(table):
        kinds.append(
            Kind("duplicate_with_blanks", lambda cells, chance: _duplicate_with_blanks(table, cells, chance))
        )
    spots = _spots(table)
    kinds.append(
        Kind(
            "flawed_then_good",
            lambda cells, chance: [_apply(cells, chance, chance.pick(spots)), _good(cells)],
        )
    )
    return [*kinds, *_double_kinds(spots)]


def _spots(table: Table) -> list[Spot]:
    return [(flaw, at) for flaw in FLAWS for at in flaw.columns(table)]


def _double_kinds(spots: list[Spot]) -> list[Kind]:
    pairs = [(one, two) for one, two in combinations(spots, 2) if one[1] != two[1]]
    different = [pair for pair in pairs if pair[0][0].code != pair[1][0].code]
    alike = [pair for pair in pairs if pair[0][0].code == pair[1][0].code]
    if not different:
        return []
    return [
        Kind("two_violations", lambda cells, chance: [_apply(cells, chance, *chance.pick(different))]),
        Kind("same_violation_twice", lambda cells, chance: [_apply(cells, chance, *chance.pick(alike))]),
    ]


def _flawed(flaw: Flaw, places: list[int]) -> Kind:
    return Kind(flaw.name, lambda cells, chance: [_apply(cells, chance, (flaw, chance.pick(places)))])


def _apply(cells: Sequence[str], chance: Chance, *spots: Spot) -> Draft:
    spoiled = list(cells)
    for flaw, at in spots:
        spoiled[at] = flaw.change(cells[at], chance)
    return Draft(encode(spoiled).encode(), tuple(flaw.code for flaw, _ in spots))


def _good(cells: Sequence[str], role: Role = Role.FIRST) -> Draft:
    return Draft(encode(cells).encode(), role=role)


def _rival(table: Table, cells: Sequence[str], chance: Chance) -> Draft:
    """The same key with another, equally plausible value."""
    other = list(cells)
    at = table.header.index(table.rival or "")
    other[at] = _another(table.columns[at].nature, cells[at], chance)
    return _good(other, Role.RIVAL)


def _another(nature: str, cell: str, chance: Chance) -> str:
    if nature == "score":
        return str(int(cell) % 5 + 1)
    if nature == "count":
        return str(int(cell or "0") + chance.between(1, 50))
    if nature == "money":
        return f"{int(cell[:-3]) + chance.between(1, 9)}{cell[-3:]}"
    if nature == "moment":
        return f"{cell[:-2]}{'01' if cell.endswith('00') else '00'}"
    return f"{cell}_2" if nature == "category" else f"{cell} velho"


def _orphan(cells: Sequence[str], chance: Chance, places: list[int]) -> Draft:
    lone = list(cells)
    lone[chance.pick(places)] = chance.hex_id()
    return Draft(encode(lone).encode(), orphan=True)


def _trimmed(table: Table) -> list[int]:
    return [at for at, column in enumerate(table.columns) if column.nature in TRIMMED]


def _with_blanks(table: Table, cells: Sequence[str], chance: Chance) -> list[str]:
    """Blanks around one or two cells; an empty one stays empty."""
    blank = list(cells)
    places = [at for at in _trimmed(table) if cells[at]]
    for _ in range(chance.between(1, 2)):
        at = chance.pick(places)
        blank[at] = chance.pick((" {}", "{} ", "  {} ", "\t{}")).format(cells[at])
    return blank


def _duplicate_with_blanks(table: Table, cells: Sequence[str], chance: Chance) -> list[Draft]:
    return [_good(cells), _good(_with_blanks(table, cells, chance), Role.SAME)]


def _harmless_kinds(table: Table) -> list[Kind]:
    """Dirt that cleaning corrects, or that the format allows: no row may be rejected for it."""
    natures = [column.nature for column in table.columns]
    kinds = [Kind("needless_quotes", lambda cells, _: [_needless_quotes(cells)])]
    if _trimmed(table):
        kinds.append(Kind("blanks", lambda cells, chance: [_good(_with_blanks(table, cells, chance))]))
    if "state" in natures:
        at = natures.index("state")
        kinds.append(
            Kind(
                "lower_case_state",
                lambda cells, _: [_good([*cells[:at], cells[at].lower(), *cells[at + 1 :]])],
            )
        )
    if "moment" in natures:
        kinds.append(Kind("iso_moments", lambda cells, _: [_iso_moments(table, cells)]))
    return kinds


def _needless_quotes(cells: Sequence[str]) -> Draft:
    """An empty cell stays unquoted, to distinguish it from an empty text."""
    return Draft(",".join(quoted(cell) if cell else "" for cell in cells).encode())


def _iso_moments(table: Table, cells: Sequence[str]) -> Draft:
    pairs = zip(cells, table.columns, strict=True)
    return _good([cell.replace(" ", "T") if column.nature == "moment" else cell for cell, column in pairs])
