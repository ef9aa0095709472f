"""The words of table and column names, and their evidence for keys and references.

Names are evidence, never proof: values decide whether a proposal is possible, and names choose between possible ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

IDENTIFYING = frozenset(
    ["id", "key", "no", "nr", "num", "number", "code", "cd", "uuid", "guid", "pk", "ref", "sk", "oid"]
)
"""Last words of columns that identify something."""
SURROGATE = frozenset(["id", "uuid", "guid", "pk", "key", "sk", "oid"])
"""The identifying words that are rarely used for anything else."""
COUNTING = frozenset(
    [
        "seq",
        "sequence",
        "sequential",
        "line",
        "stop",
        "position",
        "pos",
        "order",
        "index",
        "idx",
        "lap",
        "round",
        "version",
        "item",
        "rank",
        "step",
        "part",
        "instance",
    ]
)
"""Words of columns that number the parts of something."""
SELF = frozenset(
    [
        "parent",
        "manager",
        "boss",
        "supervisor",
        "reports",
        "reply",
        "previous",
        "prev",
        "next",
        "superior",
        "root",
        "replaces",
    ]
)
"""Words of columns that refer to another row of their own table."""

_CODES = frozenset(
    [
        "zip",
        "zipcode",
        "postal",
        "postcode",
        "plz",
        "postleitzahl",
        "phone",
        "telephone",
        "telefon",
        "telefono",
        "fax",
        "fips",
        "ssn",
        "isbn",
        "issn",
        "ean",
        "iban",
        "bic",
        "gtin",
        "upc",
        "siret",
        "siren",
        "imei",
        "vat",
    ]
)
"""Words of codes that may begin with zeros."""
_CODES_AT_END = frozenset(["postalcode", "phonenumber", "tel", "mobile", "barcode", "ndc", "cusip", "naics"])
_NUMBERED = frozenset(
    ["account", "card", "passport", "license", "licence", "tax", "bank", "routing", "tracking"]
)
"""Things with numbers of many digits: ``account_number``, but neither ``account_id`` nor ``account_balance``."""
_MEASURES = frozenset(
    [
        "count",
        "counts",
        "total",
        "amount",
        "qty",
        "quantity",
        "id",
        "rate",
        "share",
        "sum",
        "cost",
        "price",
        "sessions",
    ]
)

_UPPER_AFTER_LOWER = re.compile(r"([a-z0-9])([A-Z])")
_LAST_OF_CAPITALS = re.compile(r"([A-Z]+)([A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+")
_UNCOUNTED = ("ss", "us", "is")


def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: ``orderID``, ``Order ID`` and ``order_id`` are the same two."""
    spaced = _LAST_OF_CAPITALS.sub(r"\1 \2", _UPPER_AFTER_LOWER.sub(r"\1 \2", name))
    return tuple(word for word in _SEPARATORS.split(spaced.lower()) if word)


def singular(word: str) -> str:
    """The singular of an English plural."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(_UNCOUNTED) and len(word) > 3 else word


def joined(parts: Iterable[str]) -> str:
    """Words without separators, in the singular: exports differ in how they separate words."""
    return "".join(map(singular, parts))


@dataclass(frozen=True)
class TableNames:
    """The names of all tables of a folder, and the evidence of a column's name."""

    names: tuple[str, ...]

    @cached_property
    def _joined(self) -> frozenset[str]:
        return frozenset(joined(words(name)) for name in self.names)

    def subject(self, table: str) -> tuple[str, ...]:
        """The words of the thing that a row of the table is."""
        return tuple(map(singular, words(table)))

    def identifies(self, column: Iterable[str], table: str) -> bool:
        """Whether the words are those of the table and an identifying word: ``order_id`` of ``orders``.

        The last word of a table's name is enough (``review_id`` of ``order_reviews``), unless it names another table.
        """
        subject = self.subject(table)
        stems = ["".join(subject)]
        if len(subject) == 1 or subject[-1] not in self._joined:
            stems.append(subject[-1])
        text = tuple(column)
        spellings = {"".join(text), joined(text)}
        return any(
            spelling.startswith(stem) and spelling[len(stem) :] in IDENTIFYING
            for stem in stems
            for spelling in spellings
        )

    def refers(self, column: tuple[str, ...], table: str, key: tuple[str, ...]) -> float:
        """How strongly a column's name points to the table whose key has the words ``key``: 0 to 5.

        5: names the table and an identifying word, or the same key. 4: with a role before it (``billing_customer_id``).
        2: an abbreviation. 0: nothing in common.
        """
        subject = self.subject(table)
        exact = self._exact(column, table, subject, key)
        if exact:
            return exact
        role = self._with_role(column, table, subject, key)
        return role or self._abbreviated(column, subject)

    def _exact(
        self, column: tuple[str, ...], table: str, subject: tuple[str, ...], key: tuple[str, ...]
    ) -> float:
        same_key = not is_generic(key) and joined(column) == joined(key)
        if self.identifies(column, table) or (same_key and self.identifies(key, table)):
            return 5
        if same_key:
            return 4.5
        if joined(column) == "".join(subject):
            return 4
        return 3 if tuple(map(singular, column)) == subject[-1:] else 0

    def _with_role(
        self, column: tuple[str, ...], table: str, subject: tuple[str, ...], key: tuple[str, ...]
    ) -> float:
        text, name = joined(column), "".join(subject)
        if any(self.identifies(column[start:], table) for start in range(1, len(column))):
            return 4
        suffixes = [name + word for word in IDENTIFYING] if len(name) >= 4 else []
        if not is_generic(key) and len(joined(key)) >= 5:
            suffixes.append(joined(key))
        if any(text.endswith(suffix) and text != suffix for suffix in suffixes):
            return 4
        ends = any(tuple(map(singular, column[start:])) == subject for start in range(1, len(column)))
        return 3.5 if ends else 0

    @staticmethod
    def _abbreviated(column: tuple[str, ...], subject: tuple[str, ...]) -> float:
        """``ship_via`` of ``shippers``, ``dept`` of ``departments``."""
        parts = [word for word in map(singular, column) if len(word) >= 3 and word not in IDENTIFYING]
        return 2 if any(subject[0].startswith(part) or subject[-1].startswith(part) for part in parts) else 0


def is_generic(key: tuple[str, ...]) -> bool:
    """Whether a key's name is independent of its table."""
    return len(key) == 1 and (key[0] in IDENTIFYING or key[0] in {"name", "title"})


def is_identifying(column: tuple[str, ...]) -> bool:
    """Whether a column's last word identifies something, also without a separator (``patientid``)."""
    return bool(column) and (column[-1] in IDENTIFYING or "".join(column).endswith(("id", "uuid")))


def is_code(column: tuple[str, ...]) -> bool:
    """Whether a column's name is that of codes, which may begin with zeros: ``zip_code``, ``phone``."""
    if not column or column[-1] in _MEASURES:
        return False
    numbered = column[-1] in IDENTIFYING and bool(set(column) & _NUMBERED)
    return bool(set(column) & _CODES) or column[-1] in _CODES_AT_END or numbered


def is_count(column: tuple[str, ...]) -> bool:
    """Whether a column's name is that of a number of things: ``photo_count``, ``number_of_photos``."""
    counts = column[-1:] in (("count",), ("counts",)) or column[:1] in (("num",), ("count",))
    return counts or column[:2] == ("number", "of")
