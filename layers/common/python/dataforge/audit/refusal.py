"""The entry of an execution that was refused before its run began: its input may have any form."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dataforge.audit.entry import Entry
from dataforge.aws.failures import our_codes
from dataforge.aws.situations import EXECUTION_ABORTED
from dataforge.runs.inputs import Requester
from dataforge.tables.datasets import DATASETS, DEFAULT

_REQUESTER = TypeAdapter(Requester)


def refusal(execution: str, document: Any, error: str) -> Entry:
    """The entry. ``document``: the input, also as JSON, of which only known names and a valid requester are used."""
    given = _object(document)
    dataset = given.get("dataset", DEFAULT)
    return Entry(
        "refused",
        execution,
        dataset=dataset if isinstance(dataset, str) and dataset in DATASETS else None,
        requested_by=_requester(given.get("requested_by")),
        error=known_code(error),
    )


def known_code(error: str) -> str:
    """The code of a failure. An execution that was stopped has a text of the caller's choice instead."""
    return error if error in our_codes() else EXECUTION_ABORTED.code


def _object(document: Any) -> dict[str, Any]:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError):
            return {}
    return document if isinstance(document, dict) else {}


def _requester(value: Any) -> str | None:
    try:
        return _REQUESTER.validate_python(value)
    except ValidationError:
        return None
