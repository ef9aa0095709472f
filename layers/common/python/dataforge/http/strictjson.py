"""Parse the JSON of a request's body strictly (``dataforge.formats.strict_json``)."""

from __future__ import annotations

from typing import Any

from dataforge.errors import NotJson
from dataforge.formats import strict_json


def parse(body: bytes) -> Any:
    """The document in ``body``. Raises ``NotJson`` with the reason and the position."""
    try:
        return strict_json.parse(body)
    except UnicodeDecodeError as error:
        raise NotJson(f"The body is not valid UTF-8 (byte {error.start}).") from None
    except strict_json.NotStrictJson as error:
        raise NotJson(f"The body {error}.") from None
