"""Granted actions that no recorded call used."""

from collections.abc import Iterator, Sequence

from local.iam.calls import Document
from local.iam.statements import applying, listed, names, statements
from local.permissions.deployed import Deployed, Place, concerned
from local.permissions.recorded import Recorded


def unused(deployed: Deployed, calls: Sequence[Recorded]) -> set[tuple[str, str]]:
    """Pairs of owner and action: what a policy allows and no allowed call needed."""
    by_document = concerned(deployed, [one for one in calls if one.allowed])
    used = {
        (owner(deployed, place), action)
        for place, document in deployed.places()
        for action in _used(place, document, by_document.get(id(document), []))
    }
    return set(granted(deployed)) - used


def granted(deployed: Deployed) -> Iterator[tuple[str, str]]:
    """Pairs of owner and action, in the spelling of the policies."""
    for place, document in deployed.places():
        for statement in statements(document):
            if statement["Effect"] == "Allow":
                for action in listed(statement["Action"]):
                    yield owner(deployed, place), action


def owner(deployed: Deployed, place: Place) -> str:
    """The construct that has the policy; of a trust policy, it ends with ``.Trust``."""
    name = deployed.names[place.owner]
    return f"{name}.Trust" if place.owner.startswith("arn:aws:iam:") else name


def _used(place: Place, document: Document, calls: Sequence[Recorded]) -> Iterator[str]:
    for statement in statements(document):
        if statement["Effect"] == "Allow":
            for action in listed(statement["Action"]):
                only = {"Statement": [{**statement, "Action": action}]}
                if any(_applies(place, only, one) for one in calls):
                    yield action


def _applies(place: Place, document: Document, one: Recorded) -> bool:
    return any(
        place.kind == "identity" or names(statement, one.call.principal)
        for statement in applying(document, "Allow", one.call)
    )
