"""A record of all distinct calls: who did what to which resource, and the decision."""

import json
import logging
from pathlib import Path
from threading import Lock

from local.iam.calls import Call, Decision, message

VOLATILE = ("aws:currenttime", "aws:epochtime")
LIMIT = 200_000
"""Distinct calls in a file; object keys are part of a call."""

log = logging.getLogger("iam")


class Records:
    """Denials go to the log; with a file, each distinct call is a line of JSON in it."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._seen: set[str] = set()
        self._lock = Lock()

    def open(self, file: Path) -> None:
        """Record all calls in a new file."""
        file.write_text("")
        self._file = file

    def add(self, call: Call, decision: Decision) -> None:
        """Record a call. Calls of the administrator are not of interest."""
        if not decision.allowed:
            log.warning("%s", message(call, decision))
        if self._file is None or call.principal.is_root:
            return
        line = json.dumps(
            {
                "principal": call.principal.arn,
                "action": call.action,
                "resource": call.resource,
                "context": {key: value for key, value in call.context.items() if key not in VOLATILE},
                "allowed": decision.allowed,
            }
        )
        with self._lock:
            if line not in self._seen and len(self._seen) < LIMIT:
                self._seen.add(line)
                with self._file.open("a") as lines:
                    lines.write(line + "\n")
