"""Inputs of the three state machines: null is a field left out, whatever else is wrong is named."""

from __future__ import annotations

import pytest

from dataforge.errors import InvalidInput
from dataforge.runs.inputs import Input
from functions.backup.run import BackupInput
from functions.migrate.lifecycle.order import MigrationInput
from functions.restore.request import RestoreInput

MACHINES = (MigrationInput, BackupInput, RestoreInput)


@pytest.mark.parametrize("machine", MACHINES)
def test_null_means_that_a_field_is_left_out(machine: type[Input]) -> None:
    needed = {"table": "orders"} if machine is RestoreInput else {}
    nulls = dict.fromkeys(machine.model_fields.keys() - needed.keys())
    assert machine.read({**nulls, **needed}) == machine.read(needed)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("document", [{"bogus": None}, {"bogus": 1}])
def test_an_unknown_field_is_named_even_if_it_is_null(machine: type[Input], document: object) -> None:
    with pytest.raises(InvalidInput, match="bogus"):
        machine.read(document)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("document", [None, [], "olist", 1])
def test_what_is_no_object_is_refused(machine: type[Input], document: object) -> None:
    with pytest.raises(InvalidInput, match="input"):
        machine.read(document)


@pytest.mark.parametrize("document", [None, [], "olist"])
def test_what_is_no_object_is_told_without_our_names(document: object) -> None:
    with pytest.raises(InvalidInput, match="it is not a JSON object") as raised:
        RestoreInput.read(document)
    assert "RestoreInput" not in str(raised.value)


@pytest.mark.parametrize(
    ("machine", "field"), [(BackupInput, "verify_only"), (RestoreInput, "undo"), (RestoreInput, "finish")]
)
def test_what_is_no_id_is_told_with_an_example_of_one(machine: type[Input], field: str) -> None:
    with pytest.raises(
        InvalidInput, match=rf"{field}: '\.\./x' is not a valid id; an id looks like \d+T\d+Z-"
    ):
        machine.read({field: "../x"})
