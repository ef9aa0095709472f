"""Headers of a file are matched with the columns of its table, or refused with an error that names them."""

from __future__ import annotations

import pytest

from dataforge.errors import DuplicateColumn, MissingColumn, UnknownColumn
from dataforge.formats.csv_header import check_columns, read_header
from dataforge.formats.headers import Headers, ignored_headers

NAMES = (("code", ("Game Code", "GAME")), ("tries", ("tries",)), ("note", ("Remark",)))
GAMES = Headers(NAMES, ignored=("Unnamed: 0", ""))
ANY_CASE = Headers(NAMES, ignore_case=True)


@pytest.mark.parametrize(
    ("found", "error", "words"),
    [
        (("Game Code", "extra (new)"), UnknownColumn, ("'extra (new)'", "ignore=('extra (new)',)")),
        (("Game Code", "trys"), UnknownColumn, ("'trys' is similar to 'tries'",)),
        (("Game Code", "note"), UnknownColumn, ("'note'",)),
        (("Game Code", "x" * 99), UnknownColumn, (f"'{'x' * 80}…'",)),
        (("Game Code", *map(str, range(9))), UnknownColumn, ("'4' and 4 more", "'4', …)")),
        (("Game Code", "GAME"), DuplicateColumn, ("Game Code, GAME",)),
        (("Game Code", "tries", "tries"), DuplicateColumn, ("tries.",)),
        (("tries", "Remark"), MissingColumn, ("Game Code or GAME",)),
        (("x1", "x2"), MissingColumn, ("may be a record",)),
    ],
)
def test_header_that_does_not_fit_is_in_the_error(
    found: tuple[str, ...], error: type[Exception], words: tuple[str, ...]
) -> None:
    with pytest.raises(error) as raised:
        check_columns("games.csv", found, GAMES, ("code",))
    assert all(word in str(raised.value) for word in words), str(raised.value)


def test_headers_that_differ_in_case_only_are_refused() -> None:
    with pytest.raises(DuplicateColumn, match="tries, TRIES"):
        check_columns("games.csv", ("game code", "tries", "TRIES"), ANY_CASE, ("code",))


def test_ignored_headers_have_distinct_names() -> None:
    found = ("Unnamed: 0", "GAME", "", "Unnamed: 0")
    check_columns("games.csv", found, GAMES, ("code",))
    columns = GAMES.columns(found)
    assert len({*columns}) == len(columns)
    assert ignored_headers(columns) == ("Unnamed: 0", "", "Unnamed: 0")


@pytest.mark.parametrize("names", [GAMES, ANY_CASE])
def test_repeated_header_is_one_with_the_same_columns(names: Headers) -> None:
    header = names.columns(("tries", "GAME"))
    assert names.repeats(("GAME", "tries "), header)
    assert names.repeats(("TRIES", "game code"), header) == names.ignore_case
    assert not names.repeats(("GAME",), header)
    assert not names.repeats(("GAME", "tries", "Remark"), header)
    assert names.longest(header) >= len("Game Code,tries\r\n")


def test_header_with_a_line_end_inside_quotes_is_read() -> None:
    found, start = read_header("orders.csv", b'"Order\r\nID",x\r\n1,2\r\n', ("Order\r\nID", "x"))
    assert (found, start) == (("Order\r\nID", "x"), 15)
