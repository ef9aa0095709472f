"""Write the state of the services before a request is answered, and continue with it after a start.

The emulator's option PERSIST_STATE writes when the emulator ends, so an abrupt end loses everything. S3_PERSIST, which
stores objects, answers a write that failed, for example on a full disk, as a success.
"""

import asyncio
import json
import logging
import os
import re
import sqlite3
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

from ministack import app
from ministack.core.responses import AccountRegionScopedDict
from ministack.core.router import detect_service
from ministack.services import cloudformation, rds, s3, stepfunctions

from local.emulator import records
from local.emulator.anchors import require
from local.emulator.gate import API, App, Message, Receive, Send, answer, read_request
from local.emulator.journal import Journal, Place
from local.emulator.signatures import Request

EXECUTIONS = "executions"
INTERVAL_SECONDS = 1.0
ATTEMPTS = 5

# The stores of services whose own function copies everything, or more than is stored. Events of log groups, metrics, and
# the history of alarms are not stored.
STORES = {
    "stepfunctions": (
        *("state_machines", "tags", "activities", "state_machine_versions", "state_machine_aliases"),
        "map_runs",
    ),
    "lambda": ("functions", "layers", "esms", "function_urls"),
    "cloudwatch_logs": ("log_groups", "resource_policies", "log_group_policies", "metric_filters"),
    "cloudwatch": ("alarms", "composite_alarms", "dashboards", "resource_tags"),
}
LOCKS = ("object_retention", "object_legal_hold")
READING = re.compile(
    r"[^.]*\.(Get|List|Describe|BatchGet|Filter|Search|Lookup|Validate|Verify|Encrypt|Decrypt)"
)
INVOCATION = re.compile(r"/\d{4}-\d\d-\d\d/functions/[^/]+/(invocations|invoke-async)")
OBJECT = re.compile(r"/[^/]+/.")
FAILURES: ContextVar[list[OSError]] = ContextVar("FAILURES")
"""Errors of S3's writes in the current request."""

logger = logging.getLogger("kept_state")


def apply(folder: Path) -> None:
    """Keep the state in the folder."""
    require("kept_state", app, "app", "_load_persisted_state", "PERSIST_STATE", "save_all", "_state_map")
    require("kept_state", app, "SERVICE_REGISTRY", "_get_module", "_wait_for_port", "_resolve_port")
    require("kept_state", s3, "S3_PERSIST", "_atomic_write", *(f"_{store}" for store in LOCKS))
    require("kept_state", stepfunctions, "_executions", "_emit_execution_status_event")
    require("kept_state", cloudformation, "_stacks")
    require("kept_state", rds, "_restore_state", "_instances")
    for service, stores in STORES.items():
        require("kept_state", _module(service), *(f"_{store}" for store in stores))
    state = KeptState(Journal(folder / "services.sqlite"))
    app.PERSIST_STATE = True
    app._load_persisted_state = state.load_or_exit
    app.save_all = lambda _services: None
    app.app = Saving(app.app, state)
    _record_failures_of_s3()


class KeptState:
    """The state in memory, and the journal from which a start continues."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._changed: set[str] = set()
        self._written: dict[Any, bool] = {}
        self._interrupted: list[dict[str, Any]] = []

    def load_or_exit(self) -> None:
        """Restore every service, or end this process: the server would continue without the state."""
        try:
            self.load()
        except Exception:
            logger.exception("The stored state cannot be restored.")
            os._exit(1)

    def load(self) -> None:
        """Restore every service. Running executions become failed ones, because their steps ended with the emulator."""
        self._journal.prune()
        for service, entries in groupby(self._journal.entries(), key=lambda entry: entry[0].service):
            state = records.read(entries, self._journal.blob)
            if service == EXECUTIONS:
                executions = state["executions"]._data
                self._written = {key: _has_ended(one) for key, one in executions.items()}
                self._interrupted = [one for one in executions.values() if not _has_ended(one)]
            _restore(service, state)

    async def report_interrupted(self) -> None:
        """Publish that the interrupted executions have failed, so that the app closes their runs."""
        await app._wait_for_port(int(app._resolve_port()))
        for execution in self._interrupted:
            stepfunctions._emit_execution_status_event(execution)

    def note(self, services: Iterable[str]) -> None:
        """Write these services with the next call of ``save``."""
        self._changed |= set(services)

    def save(self) -> None:
        """Write what has changed.

        While a stack changes, only executions are written, so that after an abrupt end the services are those of the last
        complete stack. Raises ``sqlite3.Error``.
        """
        executions = self._unwritten_executions()
        entries = records.write(EXECUTIONS, {"executions": executions}, {})
        if any(_is_changing(stack) for stack in list(cloudformation._stacks._data.values())):
            self._changed |= _loaded()
            self._journal.write(entries)
        elif self._changed or entries:
            blobs: dict[str, bytes] = {}
            if "cloudformation" in self._changed and self._journal.differs(_consistent("cloudformation", {})):
                self._changed |= _loaded()
            for service in self._changed:
                entries |= _consistent(service, blobs)
            self._journal.write(entries, self._changed, blobs)
            self._changed = set()
        self._written |= {key: _has_ended(one) for key, one in executions._data.items()}

    def _unwritten_executions(self) -> Any:
        """The executions that are new or have ended since they were written. A running one is written once."""
        found = AccountRegionScopedDict()
        for key, execution in list(stepfunctions._executions._data.items()):
            if self._written.get(key) is not _has_ended(execution):
                found._data[key] = dict(execution)
        return found


class Saving:
    """An ASGI app that saves what a request has changed before it is answered."""

    def __init__(self, inner: App, state: KeptState) -> None:
        self._app, self._state = inner, state
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] == "lifespan":
            self._tasks = [
                asyncio.create_task(self._periodically()),
                asyncio.create_task(self._state.report_interrupted()),
            ]
        if scope["type"] != "http" or API.match(scope["path"]):
            await self._app(scope, receive, send)
            return
        FAILURES.set([])
        await self._app(scope, receive, self._after_saving(read_request(scope), send))

    def _after_saving(self, request: Request, send: Send) -> Send:
        failed = False

        async def send_after_saving(message: Message) -> None:
            nonlocal failed
            if message["type"] == "http.response.start":
                try:
                    self._save(request)
                except (OSError, sqlite3.Error) as error:
                    failed = True
                    logger.exception("%s %s was not stored", request.method, request.path)
                    await answer(send, _failure(request, error))
            if not failed:
                await send(message)

        return send_after_saving

    def _save(self, request: Request) -> None:
        service = _service(request)
        self._state.note(_changed(service, request))
        if service == "stepfunctions" or (service != "s3" and _changed(service, request)):
            self._state.save()
        for error in FAILURES.get():
            raise error

    async def _periodically(self) -> None:
        """Save what changes without a request, such as executions and stacks, and the settings of buckets."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            try:
                self._state.save()
            except sqlite3.Error:
                logger.exception("The state was not written.")


def _service(request: Request) -> str:
    parameters = {name: [value] for name, value in request.parameters}
    return str(detect_service(request.method, unquote(request.path), dict(request.headers), parameters))


def _changed(service: str, request: Request) -> set[str]:
    """The keys of the states that the request may have changed."""
    if request.method in ("GET", "HEAD", "OPTIONS") or service not in app.SERVICE_REGISTRY:
        return set()
    if READING.match(request.header("x-amz-target")) or INVOCATION.match(request.path):
        return set()
    known = app.SERVICE_REGISTRY[service]
    return {known.get("state_key", known["module"]), *known.get("sub_modules", ())}


def _failure(request: Request, error: Exception) -> tuple[int, dict[str, str], bytes]:
    text = f"The embedded cloud could not write to its disk: {error}"
    if _service(request) == "s3":
        body = f"<Error><Code>InternalError</Code><Message>{text}</Message></Error>"
        return 500, {"content-type": "application/xml"}, body.encode()
    document = {"__type": "InternalFailure", "message": text}
    return 500, {"content-type": "application/json"}, json.dumps(document).encode()


def _consistent(service: str, blobs: dict[str, bytes]) -> dict[Place, str]:
    """The entries of a service, which its threads may change meanwhile."""
    for attempt in range(ATTEMPTS):
        try:
            return records.write(service, _state(service), blobs)
        except RuntimeError:  # a dictionary changed its size
            if attempt == ATTEMPTS - 1:
                raise
    return {}


def _state(service: str) -> dict[str, Any]:
    module = _module(service)
    if service not in STORES:
        state: dict[str, Any] = module.get_state()
        return state | ({store: getattr(module, f"_{store}") for store in LOCKS} if service == "s3" else {})
    state = {store: getattr(module, f"_{store}") for store in STORES[service]}
    if service == "cloudwatch_logs":
        groups = type(state["log_groups"])()
        groups._data.update({key: {**one, "streams": {}} for key, one in state["log_groups"]._data.items()})
        state["log_groups"] = groups
    return state


def _restore(service: str, state: dict[str, Any]) -> None:
    if service == EXECUTIONS:
        stepfunctions.load_persisted_state(state)
    elif service == "rds":
        # Its load_persisted_state would start a container for each instance.
        rds._restore_state(state)
        for instance in rds._instances._data.values():
            instance["DBInstanceStatus"] = "available"
    else:
        _module(service).load_persisted_state(state)
    if service == "s3":
        for store in LOCKS:
            getattr(s3, f"_{store}").update(state.get(store, {}))


def _module(service: str) -> ModuleType:
    module: ModuleType = app._get_module(app._state_map[service])
    return module


def _loaded() -> set[str]:
    """The services that can have a state, which a stack may have changed."""
    modules = {
        service: sys.modules.get(f"ministack.services.{name}") for service, name in app._state_map.items()
    }
    return {service for service, module in modules.items() if hasattr(module, "get_state")}


def _is_changing(stack: dict[str, Any]) -> bool:
    # A stack in review has a change set that was not executed.
    status = str(stack["StackStatus"])
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def _has_ended(execution: dict[str, Any]) -> bool:
    return bool(execution["status"] != "RUNNING")


def _record_failures_of_s3() -> None:
    original = s3._atomic_write

    def write(*arguments: Any, **names: Any) -> None:
        try:
            original(*arguments, **names)
        except OSError as error:
            FAILURES.get([]).append(error)
            raise

    s3._atomic_write = write
