"""Records with a wrong CSV shape, or that are not UTF-8."""

from collections.abc import Sequence

from local.generate.chance import Chance
from local.generate.csvtext import encode
from local.generate.drafts import Draft, Kind
from local.generate.tables import Table

# Stands for the bad byte until the record is encoded; no generated text has it.
_MARK = "\ue000"
_TEXTUAL = ("text", "city", "category", "status", "payment_type")


def shape_kinds(table: Table) -> list[Kind]:
    return [
        Kind("too_few_fields", _too_few_fields),
        Kind("quote_inside_field", _quote_inside_field),
        Kind("not_utf8", lambda cells, _: _not_utf8(table, cells)),
        Kind("too_many_fields", _too_many_fields),
        Kind("text_after_quote", _text_after_quote),
    ]


def _too_few_fields(cells: Sequence[str], _chance: Chance) -> list[Draft]:
    return [Draft(encode(cells[:-1]).encode(), ("field_count",))]


def _too_many_fields(cells: Sequence[str], chance: Chance) -> list[Draft]:
    return [Draft(encode([*cells, chance.pick(("", "sobra"))]).encode(), ("field_count",))]


def _quote_inside_field(cells: Sequence[str], _chance: Chance) -> list[Draft]:
    first, rest = _one_line(cells)
    middle = len(first) // 2
    return [Draft(f'{first[:middle]}"{first[middle:]}{rest}'.encode(), ("csv_quote",))]


def _text_after_quote(cells: Sequence[str], _chance: Chance) -> list[Draft]:
    first, rest = _one_line(cells)
    return [Draft(f'"{first}"x{rest}'.encode(), ("csv_quote",))]


def _one_line(cells: Sequence[str]) -> tuple[str, str]:
    """The first cell, and the rest of a record without quotes.

    After a stray quote, readers could disagree on where a record with quoted line ends is over.
    """
    plain = [cell.translate({ord(sign): " " for sign in '",\r\n'}) for cell in cells]
    return plain[0], "," + ",".join(plain[1:])


def _not_utf8(table: Table, cells: Sequence[str]) -> list[Draft]:
    """An a with a tilde in Latin-1, in the last column that holds words, or else in the last."""
    places = [at for at, column in enumerate(table.columns) if column.nature in _TEXTUAL]
    at = places[-1] if places else len(cells) - 1
    spoiled = list(cells)
    spoiled[at] = f"{cells[at][:2]}{_MARK}{cells[at][2:]}"
    return [Draft(encode(spoiled).encode().replace(_MARK.encode(), b"\xe3"), ("string_unicode",))]
