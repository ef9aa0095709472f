"""Departments, their employees and the events of doors."""

from collections.abc import Iterator

from local.examples.table import table
from local.generate.chance import Chance

SITES, DEPARTMENTS, STAFF, EVENTS, SEED = ("north", "south"), ("hr", "it", "sales"), 20, 400, 7
GUESTS, REPEATED = ("guest-1", "guest-2"), 5
"""Badges that no employee has, and the number of events that are recorded twice."""


def files() -> dict[str, bytes]:
    """The content of each file."""
    texts = {
        "departments.csv": table("site,code,title,manager", _departments()),
        "employees.csv": table("site,number,name,department,boss,badge", _employees()),
        "door_events.csv": table("door,badge,read_at", _events()),
    }
    return {name: text.encode() for name, text in texts.items()}


def _departments() -> Iterator[tuple[object, ...]]:
    for site in SITES:
        for number, code in enumerate(DEPARTMENTS, 1):
            yield site, code, f"{code.title()} {site}", number


def _employees() -> Iterator[tuple[object, ...]]:
    for site in SITES:
        for number in range(STAFF, 0, -1):
            # Employees 1 to 3 manage the departments. Employee 1 has no boss; the others' are further down in the file.
            boss = None if number == 1 else 1 + (number - 2) // 4
            badge = None if number % 7 == 0 else f"{site[0]}{number:04}"
            yield site, number, f"Employee {number}", DEPARTMENTS[(number - 1) % 3], boss, badge


def _events() -> Iterator[tuple[object, ...]]:
    chance = Chance(SEED, "doors")
    badges = [f"{site[0]}{number:04}" for site in SITES for number in range(1, STAFF + 1) if number % 7] + [
        *GUESTS
    ]
    for event in range(EVENTS):
        found = (
            chance.pick(("gate", "lab")),
            chance.pick(badges),
            f"2025-03-01 {6 + event // 40:02}:{event % 40:02}:00",
        )
        yield found
        if event < REPEATED:
            yield found
