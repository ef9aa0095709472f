"""The clock of S3, which the administrator can move forward: lifecycle rules and retention periods then end earlier.

`PUT /_local/clock?days=30`, signed by the administrator, moves it and carries out the lifecycle rules. Other clocks, such as
those of signatures, executions and PostgreSQL, are not moved.
"""

import asyncio
import datetime as dt
import json
import types
from typing import Any

from ministack import app
from ministack.services import s3

from local.emulator.anchors import require
from local.emulator.gate import App, Message, Receive, Send, answer, read_request
from local.emulator.s3 import lifecycle
from local.emulator.signatures import Request

PATH = "/_local/clock"
HOURS = 1.0
"""The time between two runs of the lifecycle rules."""


class Clock:
    """An ASGI app in front of the emulator."""

    def __init__(self, inner: App, administrator: str) -> None:
        self._app, self._administrator = inner, administrator
        self._ahead = dt.timedelta()
        self._task: asyncio.Task[None] | None = None

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + self._ahead

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] == "lifespan":
            self._task = asyncio.create_task(self._expire_hourly())
        if scope["type"] == "http" and scope["path"] == PATH:
            await answer(send, self._move(read_request(scope)))
        else:
            await self._app(scope, receive, send)

    def _move(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        if f"Credential={self._administrator}/" not in request.header("authorization"):
            return _json(403, {"message": "Only the administrator may move the clock."})
        days = dict(request.parameters).get("days", "")
        if request.method != "PUT" or not (days.isascii() and days.isdecimal()):
            return _json(400, {"message": f"Expected PUT {PATH}?days=N."})
        self._ahead += dt.timedelta(days=int(days))
        lifecycle.expire(self.now())
        return _json(200, {"now": self.now().isoformat()})

    async def _expire_hourly(self) -> None:
        while True:
            lifecycle.expire(self.now())
            await asyncio.sleep(HOURS * 3600)


def apply(administrator: str) -> None:
    """``administrator``: the access key that may move the clock."""
    require("s3.clock", app, "app")
    require("s3.clock", s3, "now_iso", "_dt")
    clock = Clock(app.app, administrator)
    app.app = clock
    s3.now_iso = lambda: clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    s3._dt = _moved(clock)


def _moved(clock: Clock) -> types.ModuleType:
    """The module ``datetime`` with a class whose ``now`` is that of the clock."""

    class Moved(dt.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return clock.now().astimezone(tz)

    module = types.ModuleType("datetime")
    module.__dict__.update({name: value for name, value in vars(dt).items() if not name.startswith("__")})
    module.__dict__["datetime"] = Moved
    return module


def _json(status: int, document: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    return status, {"content-type": "application/json"}, json.dumps(document).encode()
