"""Dispatch requests to the functions of their routes, check keys, and turn errors into problem documents.

The resolver of Powertools is not used: its import takes longer than the import of the ingest function, and it answers 404 to
a known path with an unknown method.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger

from dataforge.aws.telemetry import log_failure
from dataforge.errors import AnswerTooLarge, DataForgeError, NotFound, NotJson, Unexpected, WrongMethod
from dataforge.http.access import Kind, admit
from dataforge.http.limits import ReadLimits, limits_of
from dataforge.http.message import Request, Response, problem, read_request
from dataforge.http.sizes import fits

Answer = Callable[[Request], Response]
Refused = Callable[[Request, str, DataForgeError], None]
"""Record that the key of a request may not use a route: the request, the route's pattern, and the reason."""


@dataclass(frozen=True)
class Route:
    """One path pattern. ``methods``: the function of each method and the least kind of key (None: no key)."""

    path: re.Pattern[str]
    methods: dict[str, tuple[Answer, Kind | None]]


class Router:
    """The routes of one function. ``read_limits``: of the keys, read for every route with a key.

    ``refused`` is called for every answer 403.
    """

    def __init__(self, logger: Logger, read_limits: ReadLimits, refused: Refused) -> None:
        self._logger, self._refused = logger, refused
        self._read_limits = read_limits
        self._routes: dict[str, Route] = {}

    def route(self, method: str, path: str, *, least: Kind | None) -> Callable[[Answer], Answer]:
        """Decorate the function of ``method`` on ``path``, in which {name} is one segment and {name+} the rest."""

        def register(answer: Answer) -> Answer:
            known = self._routes.setdefault(path, Route(_pattern(path), {}))
            known.methods[method] = (answer, least)
            return answer

        return register

    def routes(self) -> Iterator[tuple[str, str, Kind | None]]:
        """Every method and path, with the least kind of key."""
        for path, route in self._routes.items():
            for method, (_, least) in route.methods.items():
                yield method, path, least

    def answer(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to an event of API Gateway. Every exception becomes a problem document."""
        request = read_request(event)
        self._logger.append_keys(request_id=request.id, api_key_id=request.api_key_id or None)
        try:
            response = self._answer(request)
        except DataForgeError as error:
            if error.status >= 500:
                log_failure(self._logger, error, "request failed")
            response = problem(error, request.id)
        except RecursionError:
            response = problem(NotJson("The body is nested too deeply."), request.id)
        except Exception as error:  # noqa: BLE001  the caller gets an answer without internal details
            log_failure(self._logger, error, "request failed")
            response = problem(Unexpected(), request.id)
        return (response.without_body() if request.method == "HEAD" else response).as_event()

    def _answer(self, request: Request) -> Response:
        path = request.path.rstrip("/")
        for pattern, route in self._routes.items():
            match = route.path.fullmatch(path)
            if match is None:
                continue
            # The function of GET answers HEAD too (RFC 9110).
            method = "GET" if request.method == "HEAD" else request.method
            if method not in route.methods:
                allowed = {*route.methods, *({"HEAD"} if "GET" in route.methods else ())}
                raise WrongMethod(request.method, allowed)
            answer, least = route.methods[method]
            try:
                admitted = self._admit(request, least)
                response = answer(admitted.with_parts(match.groupdict()))
            except DataForgeError as error:
                if error.status == HTTPStatus.FORBIDDEN:
                    self._refused(request, pattern, error)
                raise
            if not fits(response.body):
                raise AnswerTooLarge
            return response
        raise NotFound(
            f"The path {path[:200]!r} does not exist.", hint="GET /v1/openapi.json lists the routes."
        )

    def _admit(self, request: Request, least: Kind | None) -> Request:
        """The request with the limits of its key. Raises ``WrongKey``, ``KeyEnded``."""
        admit(request.api_key, least)
        if least is None:
            return request
        return request.with_limits(limits_of(request.api_key, request.api_key_id, self._read_limits))


def _pattern(path: str) -> re.Pattern[str]:
    pattern = re.sub(
        r"\\{(\w+)(\\\+)?\\}",
        lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})",
        re.escape(path.rstrip("/")),
    )
    return re.compile(pattern)
