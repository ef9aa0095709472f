"""Quotes, normalised: authors, quotes, tags, and the tags of each quote.

They come from one flat file, ``author,text,tags`` with the tags separated by semicolons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from dataforge import Digest, HexId, IndexedName, Key, Name, References, Row, Source

_QUOTE_ID = Digest(("author", "text"))
_FLAT = ("author", "text", "tags")


class Author(Row, table="authors"):
    """The author of quotes."""

    name: Annotated[IndexedName, Key()]


class Quote(Row, table="quotes"):
    """A quote. quote_id is computed from author and text, so senders may omit it."""

    author: Annotated[IndexedName, References("authors")]
    text: Name
    quote_id: Annotated[HexId, Key(), _QUOTE_ID] = Field(default_factory=_QUOTE_ID.of)


class Tag(Row, table="tags"):
    """A word by which quotes are classified."""

    name: Annotated[IndexedName, Key()]


class QuoteTag(Row, table="quote_tags"):
    """One tag of one quote."""

    quote_id: Annotated[HexId, Key(), References("quotes")]
    tag: Annotated[IndexedName, Key(), References("tags")]


def split(record: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of one record of the flat file; repeated authors and tags are deduplicated.

    A record without author or text is one rejected quote.
    """
    quote = {name: record[name] for name in ("author", "text") if record.get(name, "").strip()}
    yield "quotes", quote
    if len(quote) < 2:
        return
    yield "authors", {"name": quote["author"]}
    quote_id = _QUOTE_ID.of({name: text.strip() for name, text in quote.items()})
    for tag in dict.fromkeys(filter(None, (part.strip() for part in record.get("tags", "").split(";")))):
        yield "tags", {"name": tag}
        yield "quote_tags", {"quote_id": quote_id, "tag": tag}


FLAT_FILES = (Source("quotes.csv", _FLAT, ("quotes", "authors", "tags", "quote_tags"), split),)
