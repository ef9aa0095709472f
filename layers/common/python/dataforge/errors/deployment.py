"""Deployments that are refused."""

from __future__ import annotations

from dataforge.errors.base import Refused


class InstanceExists(Refused):
    """A new stack would use the name of an existing database instance."""

    code = "InstanceTaken"

    def __init__(self, instance: str) -> None:
        super().__init__(
            f"A database instance {instance} exists, and this stack did not create it.",
            hint="Use it (existingDatabase), or rename it: aws rds modify-db-instance --db-instance-identifier"
            f" {instance} --new-db-instance-identifier {instance}-old --apply-immediately",
        )


class DeletionRefused(Refused):
    """The database of the stack is protected against deletion."""

    code = "DeletionRefused"

    def __init__(self, instance: str) -> None:
        super().__init__(
            f"The database {instance} is protected against deletion, so its stack is not deleted.",
            hint="Disable the protection first: aws rds modify-db-instance --db-instance-identifier"
            f" {instance} --no-deletion-protection",
        )
