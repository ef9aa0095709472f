"""Phases of runs: the prefixes of the state machines' state names, and a description of each.

Persisted: an execution's history has the names, and ``dataforge status --json`` shows them. ``tests/infra/test_phases.py``
compares them with the states.
"""

from __future__ import annotations

from collections.abc import Mapping

LOAD = "Load"
AFTER_LOAD = ("Settle", "Reconcile", "Publish", "Report")
"""The phases of a migration that begin after the last chunk is loaded."""

_FAILED = {"Abandon": "cleaning up after a failure", "Explain": "explaining a failure"}

MIGRATION: Mapping[str, str] = {
    "Begin": "acquiring leases",
    "Plan": "planning",
    "Scan": "finding record boundaries",
    "Cut": "dividing files into chunks",
    LOAD: "loading",
    "Settle": "resolving keys and foreign keys",
    "Reconcile": "reconciling source and target",
    "Publish": "publishing",
    "Report": "writing the report",
    **_FAILED,
}

BACKUP: Mapping[str, str] = {
    "Begin": "acquiring leases",
    "BackUp": "exporting a snapshot",
    "PlanChecks": "reading files back",
    "Plan": "planning",
    "Write": "writing files",
    "Finish": "writing the manifest",
    "Check": "reading files back",
    "RestoreScratch": "restoring into a scratch schema",
    "Judge": "comparing",
    "Close": "deleting expired backups",
    **_FAILED,
}

RESTORE: Mapping[str, str] = {
    "Begin": "acquiring leases",
    "Check": "checking the backup",
    "Load": "loading files",
    "Settle": "checking the loaded rows",
    "Compare": "comparing with the current rows",
    "Build": "building keys and indexes",
    "Link": "building foreign keys",
    "Switch": "swapping the tables",
    "PlanKeep": "writing the safety backup",
    "Keep": "writing the safety backup",
    "Finish": "finishing",
    **_FAILED,
}
