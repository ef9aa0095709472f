"""Remove one statement of the deployed policies at a time, and decide on the recorded calls again."""

from collections.abc import Iterator, Sequence

from local.iam.decide import decide
from local.iam.statements import Statement, statements
from local.permissions.deployed import Deployed, concerned
from local.permissions.recorded import Recorded
from local.permissions.usage import owner


def survivors(deployed: Deployed, calls: Sequence[Recorded]) -> Iterator[tuple[str, Statement]]:
    """Statements, with their owners, without which every decision is the same."""
    by_document = concerned(deployed, calls)
    for place, document in deployed.places():
        affected = by_document.get(id(document), [])
        for number, statement in enumerate(statements(document)):
            rest = [other for index, other in enumerate(statements(document)) if index != number]
            changed = deployed.without(place, {"Statement": rest})
            if all(decide(one.call, changed.of(one.call)).allowed == one.allowed for one in affected):
                yield owner(deployed, place), statement


def differences(deployed: Deployed, calls: Sequence[Recorded]) -> list[Recorded]:
    """Calls on which the deployed policies decide otherwise than the cloud did when they were recorded."""
    return [one for one in calls if decide(one.call, deployed.of(one.call)).allowed != one.allowed]
