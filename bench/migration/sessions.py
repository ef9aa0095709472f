"""Sessions of psql that work at the same time."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from bench.server import Server


def run_at_once(server: Server, database: str, scripts: Sequence[str]) -> None:
    """Run each script in a separate session, all at the same time."""
    sessions = [_start(server, database) for _ in scripts]
    for session, script in zip(sessions, scripts, strict=True):
        if session.stdin is None:
            raise RuntimeError("psql has no standard input.")
        session.stdin.write(script)
        session.stdin.close()
    codes = [session.wait() for session in sessions]
    if any(codes):
        raise RuntimeError("psql failed.")


def _start(server: Server, database: str) -> subprocess.Popen[str]:
    command = [server.psql(), "-q", "-X", "-v", "ON_ERROR_STOP=on", server.psql_url(database)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
