"""Invalid cells: the flaw of one value, and the code with which it must be rejected."""

from collections.abc import Callable
from dataclasses import dataclass

from local.generate.chance import Chance
from local.generate.tables import Table


@dataclass(frozen=True)
class Flaw:
    """``change`` gets the good cell, which is never empty where the flaw needs it not to be."""

    name: str
    natures: tuple[str, ...]
    code: str
    change: Callable[[str, Chance], str]

    def columns(self, table: Table) -> list[int]:
        """The positions that can have this flaw."""
        places = [(at, column) for at, column in enumerate(table.columns) if column.nature in self.natures]
        return [at for at, column in places if column.required or self.code != MISSING]


NUMBERS = ("count", "ordinal", "score", "money", "latitude", "longitude")
# Review texts are stored exactly, and a category's name is not a code: blanks in them are data.
TRIMMED = ("id", "zip", "city", "state", "status", "payment_type", "moment", *NUMBERS)
MISSING = "missing"
PATTERN = "string_pattern_mismatch"
TOO_SMALL = "greater_than_equal"
TOO_LARGE = "less_than_equal"
NO_MOMENT = "datetime_parsing"


def _one_of(*values: str) -> Callable[[str, Chance], str]:
    return lambda _cell, chance: chance.pick(values)


# Tables take their kinds in this order, so that a small dataset has the first ones.
FLAWS = (
    Flaw("id_upper_case", ("id",), PATTERN, lambda cell, _: "A" + cell[1:].upper()),
    Flaw("missing_value", (*TRIMMED, "category"), MISSING, _one_of("")),
    Flaw(
        "three_decimals",
        ("money",),
        "decimal_max_places",
        lambda cell, chance: cell + str(chance.between(1, 9)),
    ),
    Flaw("no_such_day", ("moment",), NO_MOMENT, _one_of("2018-02-30 10:15:00", "2017-02-29 00:00:00")),
    Flaw("unknown_status", ("status",), "literal_error", _one_of("perdido", "entregue", "returned")),
    Flaw("unknown_payment_type", ("payment_type",), "literal_error", _one_of("pix", "cheque", "credit card")),
    Flaw("score_too_high", ("score",), TOO_LARGE, _one_of("7", "10")),
    Flaw("state_unknown", ("state",), PATTERN, _one_of("S1", "SPX", "X", "5P")),
    Flaw("latitude_too_high", ("latitude",), TOO_LARGE, _one_of("123", "90.5")),
    Flaw("longitude_too_low", ("longitude",), TOO_SMALL, _one_of("-181.25", "-200")),
    Flaw("zip_short", ("zip",), PATTERN, lambda cell, _: cell[:-1]),
    Flaw("zip_letter", ("zip",), PATTERN, lambda cell, _: cell[:-1] + "O"),
    Flaw("zip_long", ("zip",), PATTERN, lambda cell, _: cell + "-000"),
    Flaw("id_short", ("id",), PATTERN, lambda cell, _: cell[:-1]),
    Flaw("id_not_hex", ("id",), PATTERN, lambda cell, _: "g" + cell[1:]),
    Flaw("negative_price", ("money",), TOO_SMALL, lambda cell, _: f"-1{cell}"),
    Flaw("price_text", ("money",), "decimal_parsing", _one_of("gratis", "R$ 10", "-")),
    Flaw("decimal_comma", ("money",), "decimal_parsing", lambda cell, _: cell.replace(".", ",")),
    Flaw("negative_count", ("count",), TOO_SMALL, _one_of("-1", "-30")),
    Flaw("ordinal_zero", ("ordinal",), TOO_SMALL, _one_of("0", "-2")),
    Flaw("score_too_low", ("score",), TOO_SMALL, _one_of("0", "-5")),
    Flaw("number_text", ("count", "ordinal", "score"), "int_parsing", _one_of("dois", "1.5", "2x")),
    Flaw("coordinate_text", ("latitude", "longitude"), "float_parsing", _one_of("sul", "23,5", "-")),
    Flaw(
        "moment_with_offset",
        ("moment",),
        "timezone_naive",
        _one_of("2018-05-01T10:00:00-03:00", "2018-05-01 13:00:00Z"),
    ),
    Flaw(
        "moment_text",
        ("moment",),
        NO_MOMENT,
        _one_of("amanha cedo", "30/12/2017 10:00", "2018-05-01 25:00:00"),
    ),
    Flaw("blank_value", TRIMMED, MISSING, _one_of("   ")),
)
