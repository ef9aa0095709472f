"""Request bodies of the API compared with the inputs of the state machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from dataforge.api.backups import BackupRequest
from dataforge.api.restores import RestoreRequest
from dataforge.errors import InvalidInput, InvalidRequest
from functions.backup import run as backups
from functions.operations.inputs import read_backup, read_restore
from functions.restore import request as restores

ID = "20261125T195930Z-1f0c2a9b"
NAMES = st.sampled_from(["orders", "customers", "authors", "nothing"])
MEMBERS = {
    "dataset": st.sampled_from(["olist", "quotes"]),
    "table": NAMES,
    "tables": st.lists(NAMES, max_size=2),
    "verify": st.booleans(),
    "verify_only": st.just(ID),
    "dry_run": st.booleans(),
    "backup": st.sampled_from(["latest", ID]),
    "undo": st.just(ID),
    "finish": st.just(ID),
    "unsigned": st.booleans(),
}
Reader = Callable[[Any], Any]


def accepted_fields(read: Reader, body: Any) -> bool:
    try:
        read(body)
    except (InvalidInput, InvalidRequest):
        return False
    return True


@pytest.mark.parametrize(
    ("request_model", "input_model"),
    [(BackupRequest, backups.BackupInput), (RestoreRequest, restores.RestoreInput)],
)
def test_request_body_has_the_fields_of_the_machines_input(
    request_model: type[BaseModel], input_model: type[BaseModel]
) -> None:
    assert set(request_model.model_fields) == set(input_model.model_fields) - {"requested_by"}


@pytest.mark.parametrize(
    ("model", "over_http", "by_the_machine"),
    [
        (BackupRequest, read_backup, backups.read_input),
        (RestoreRequest, read_restore, restores.read_input),
    ],
)
def test_accepted_body_is_a_valid_input_of_the_machine(
    model: type[BaseModel], over_http: Reader, by_the_machine: Reader
) -> None:
    members = {name: MEMBERS[name] for name in model.model_fields}

    @given(st.fixed_dictionaries({}, optional=members))
    def validate(body: Any) -> None:
        if accepted_fields(over_http, body):
            assert accepted_fields(by_the_machine, over_http(body))

    validate()
