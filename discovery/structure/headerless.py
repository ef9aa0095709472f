"""Names for the columns of files without a header, derived from keys and references."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from discovery.structure.keys import TEXTS, Columns
from discovery.structure.proposal import Structure
from discovery.structure.references import Reference
from discovery.structure.words import is_nameless, singular, words

_NAME_LENGTH = 8
"""Texts of this length on average that identify rows, and to which no table refers, are names rather than codes."""

Names = Mapping[str, Mapping[str, str]]
"""New headers by old headers, for each table."""


def names_by_structure(
    tables: Mapping[str, Columns], structure: Structure, headerless: Collection[str]
) -> dict[str, dict[str, str]]:
    """Names for columns of ``headerless`` tables: keys are named after the table, references after their parent's key."""
    found: dict[str, dict[str, str]] = {name: {} for name in tables}
    for table, header, name in (*_key_names(tables, structure), *_reference_names(tables, structure)):
        taken = {*found[table].values(), *(column.name for column in tables[table].columns)}
        if table in headerless and is_nameless(header) and header not in found[table]:
            found[table][header] = _unlike(name, taken)
    return found


def _key_names(tables: Mapping[str, Columns], structure: Structure) -> Iterator[tuple[str, str, str]]:
    """The names of keys of one column: numbers, and texts to which other tables refer."""
    referenced = {(r.parent, r.key) for r in structure.references if len(r.columns) == 1}
    for table, key in structure.keys.items():
        if key is None or len(key) > 1:
            continue
        text = tables[table].kinds[key[0]] in TEXTS
        if text and (table, key[0]) not in referenced:
            if tables[table].column(key[0]).mean_length >= _NAME_LENGTH:
                yield table, key[0], "name"
        else:
            yield table, key[0], _key_name(table, "code" if text else "id")


def _reference_names(tables: Mapping[str, Columns], structure: Structure) -> Iterator[tuple[str, str, str]]:
    for reference in structure.references:
        if len(reference.columns) == 1:
            text = tables[reference.parent].kinds[reference.key] in TEXTS
            named = not is_nameless(reference.key)
            name = reference.key if named else _key_name(reference.parent, "code" if text else "id")
            yield reference.child, reference.column, name


def _key_name(table: str, ending: str) -> str:
    *first, last = words(table)
    return "_".join((*first, singular(last), ending))


def _unlike(name: str, taken: set[str]) -> str:
    number = 1
    while (numbered := name if number == 1 else f"{name}_{number}") in taken:
        number += 1
    return numbered


def with_names(structure: Structure, names: Names) -> Structure:
    """The structure with the new headers."""
    return replace(
        structure,
        keys={table: _new(key, names[table]) if key else key for table, key in structure.keys.items()},
        unique={
            table: tuple(_new(columns, names[table]) for columns in sets)
            for table, sets in structure.unique.items()
        },
        references=tuple(_renamed(reference, names) for reference in structure.references),
    )


def _renamed(reference: Reference, names: Names) -> Reference:
    own, parent = names[reference.child], names[reference.parent]
    return replace(
        reference,
        columns=_new(reference.columns, own),
        parent_columns=_new(reference.parent_columns, parent),
    )


def _new(headers: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(header, header) for header in headers)
