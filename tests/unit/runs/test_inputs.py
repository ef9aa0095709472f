"""Inputs of the three state machines: null counts as omitted, and other errors name their field."""

from __future__ import annotations

import pytest

from dataforge.errors import InvalidInput
from dataforge.runs.inputs import Input
from functions.backup.run import BackupInput
from functions.migrate.lifecycle.order import MigrationInput
from functions.restore.request import RestoreInput

MACHINES = (MigrationInput, BackupInput, RestoreInput)


@pytest.mark.parametrize("machine", MACHINES)
def test_field_that_is_null_counts_as_omitted(machine: type[Input]) -> None:
    needed = {"table": "orders"} if machine is RestoreInput else {}
    nulls = dict.fromkeys(machine.model_fields.keys() - needed.keys())
    assert machine.read({**nulls, **needed}) == machine.read(needed)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("document", [{"bogus": None}, {"bogus": 1}])
def test_error_names_an_unknown_field_even_if_it_is_null(machine: type[Input], document: object) -> None:
    with pytest.raises(InvalidInput, match="bogus"):
        machine.read(document)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("document", [None, [], "olist", 1])
def test_input_that_is_not_an_object_is_refused(machine: type[Input], document: object) -> None:
    with pytest.raises(InvalidInput, match="input"):
        machine.read(document)


@pytest.mark.parametrize("document", [None, [], "olist"])
def test_error_for_an_input_that_is_not_an_object_contains_no_internal_names(document: object) -> None:
    with pytest.raises(InvalidInput, match="it is not a JSON object") as raised:
        RestoreInput.read(document)
    assert "RestoreInput" not in str(raised.value)


@pytest.mark.parametrize(
    ("machine", "field"), [(BackupInput, "verify_only"), (RestoreInput, "undo"), (RestoreInput, "finish")]
)
def test_error_for_an_invalid_id_has_an_example(machine: type[Input], field: str) -> None:
    with pytest.raises(
        InvalidInput, match=rf"{field}: '\.\./x' is not a valid id; an id looks like \d+T\d+Z-"
    ):
        machine.read({field: "../x"})
