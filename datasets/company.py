"""A company: keys of several columns, departments and employees that refer to each other, and a log without a key.

``python -m local.examples FOLDER`` writes files.
"""

from __future__ import annotations

from typing import Annotated

from dataforge import Integer, Key, Label, Name, References, Row, Timestamp, Unique

EXAMPLE = True


class Department(
    Row,
    table="departments",
    file="departments.csv",
    references=(References("employees", columns=("site", "manager"), to=("site", "number")),),
):
    """A department of a site. Its manager is an employee, who belongs to a department."""

    site: Annotated[Label, Key()]
    code: Annotated[Label, Key()]
    title: Name
    manager: Integer | None = None


class Employee(
    Row,
    table="employees",
    file="employees.csv",
    references=(
        References("departments", columns=("site", "department")),
        References("employees", columns=("site", "boss")),
    ),
):
    """An employee; numbers are unique at a site. A badge belongs to one employee."""

    site: Annotated[Label, Key()]
    number: Annotated[Integer, Key()]
    name: Name
    department: Label
    boss: Integer | None = None
    badge: Annotated[Label, Unique()] | None = None


class DoorEvent(Row, table="door_events", file="door_events.csv"):
    """A badge that a door has read. Identical records are separate events; badges of guests are not in the data."""

    door: Label
    badge: Annotated[Label, References("employees", to="badge", enforced=False)]
    read_at: Timestamp
