"""The only entrance to the emulator: it refuses what web pages and other users of the machine send.

A page in a browser of this machine can send requests to 127.0.0.1, and another user can connect to any port. Every request
must therefore be signed with credentials that only the owner of the state folder can read. A page whose host name resolves
to 127.0.0.1 (DNS rebinding), and one of another origin, are refused as well, because the API takes a key instead of a
signature.
"""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from local.emulator.signatures import Credential, Find, Refused, Request, verify

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Answer = tuple[int, dict[str, str], bytes]
Refuse = Callable[[Request, Refused], Answer]
IfMissing = Callable[[], Answer | None]
"""The answer that replaces a 404, or None: a caller who may not list a bucket does not learn which objects exist."""
Authorize = Callable[[Request, bytes, Credential], IfMissing]
"""Raises ``Refusal`` unless the principal of the credential may do what the request does."""

API = re.compile(r"/_aws/execute-api/[^/]+/")
CONNECTIONS = "/@connections/"
CALLBACK = re.compile(r"/_ministack/cfn-response/[0-9a-f-]{36}\Z")
OWN_SITES = ("", "none", "same-origin")


class Foreign(Exception):
    """A request from a page of another origin, or to another host."""


class Refusal(Exception):
    """A request that the policies do not allow, with the answer in the protocol of its service."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


class Gate:
    """An ASGI app that passes on allowed requests, calls of the deployed API, and callbacks of functions.

    A response has CORS headers only if the deployed API sets them. WebSockets are refused: no app uses them.
    """

    def __init__(
        self, app: App, hosts: Iterable[str], find: Find, refuse: Refuse, authorize: Authorize
    ) -> None:
        self._app, self._hosts, self._find, self._refuse = app, frozenset(hosts), find, refuse
        self._authorize = authorize

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a connection."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        request = read_request(scope)
        try:
            require_own(request, self._hosts)
            if not _takes_no_signature(scope["method"], scope["path"]):
                receive, if_missing = await self._admitted(request, receive)
                send = _replacing_missing(send, if_missing)
        except Foreign as error:
            body = json.dumps({"message": str(error)}).encode()
            await answer(send, (403, {"content-type": "application/json"}, body))
        except Refused as error:
            await answer(send, self._refuse(request, error))
        except Refusal as refusal:
            await answer(send, refusal.answer)
        else:
            await self._app(scope, receive, send if API.match(scope["path"]) else _without_cors(send))

    async def _admitted(self, request: Request, receive: Receive) -> tuple[Receive, IfMissing]:
        """Verify the signature and the permissions; return what reads the body again."""
        if not (request.signs_body or request.method == "POST"):
            return receive, self._authorize(request, b"", verify(request, b"", self._find))
        messages = await _read(receive)
        body = b"".join(message.get("body", b"") for message in messages)
        return _again(messages, receive), self._authorize(request, body, verify(request, body, self._find))


def require_own(request: Request, hosts: frozenset[str]) -> None:
    """Raise ``Foreign`` unless the request is to one of the hosts and, if a page sent it, from a page of that host."""
    named = [value.lower() for name, value in request.headers if name == "host"]
    if len(named) != 1 or named[0] not in hosts:
        raise Foreign("Refused: the request is for another host. Use the address in outputs.json.")
    if request.header("sec-fetch-site") not in OWN_SITES:
        raise Foreign("Refused: a page of another site sent the request. Open the address in a new tab.")
    for name, value in request.headers:
        if name == "origin" and value.lower() != f"http://{named[0]}":
            raise Foreign("Refused: a page of another origin sent the request.")


def _takes_no_signature(method: str, path: str) -> bool:
    """Whether the API, which checks its keys itself, or a stack that waits for a custom resource receives the request.

    The address of a callback contains an unguessable token, as a presigned URL of AWS does.
    """
    if API.match(path):
        return CONNECTIONS not in path
    return method == "PUT" and CALLBACK.match(path) is not None


def read_request(scope: Message) -> Request:
    """The request of an ASGI scope."""
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    return Request(
        scope["method"], scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1"), headers
    )


async def _read(receive: Receive) -> list[Message]:
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


def _again(messages: list[Message], receive: Receive) -> Receive:
    left = iter(messages)

    async def receive_again() -> Message:
        return next(left, None) or await receive()

    return receive_again


def _without_cors(send: Send) -> Send:
    async def send_without(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", [])
                if not name.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": kept}
        await send(message)

    return send_without


def _replacing_missing(send: Send, if_missing: IfMissing) -> Send:
    replaced = False

    async def send_or_replace(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and message["status"] == 404 and (found := if_missing()):
            replaced = True
            await answer(send, found)
        if not replaced:
            await send(message)

    return send_or_replace


async def answer(send: Send, content: Answer) -> None:
    """Send a complete answer."""
    status, headers, body = content
    fields = {**headers, "content-length": str(len(body))}
    encoded = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
