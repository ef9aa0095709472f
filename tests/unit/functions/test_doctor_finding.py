"""The JSON of a doctor finding, including deprecated names."""

from __future__ import annotations

from functions.schema.doctor.finding import Finding


def test_finding_has_the_hint_under_its_deprecated_name_too() -> None:
    assert Finding("no_login", "r", "The role r may not log in.", hint="ALTER ROLE r LOGIN").report() == {
        "code": "no_login",
        "object": "r",
        "detail": "The role r may not log in.",
        "hint": "ALTER ROLE r LOGIN",
        "way_out": "ALTER ROLE r LOGIN",
    }


def test_renamed_code_is_reported_with_its_deprecated_name() -> None:
    finding = Finding("excess_privileges", "r", "The role r is a superuser.").report()
    assert finding["former_code"] == "too_mighty"
