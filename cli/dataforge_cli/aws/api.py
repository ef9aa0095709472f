"""Requests to the HTTP API, with retries."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.util import parse_url

from dataforge.errors.problems import code_of
from dataforge_cli.call import Call
from dataforge_cli.errors import CommandError, WrongCall

URL, KEY = "DATAFORGE_API_URL", "DATAFORGE_API_KEY"
"""Environment variables. With both set, no access to AWS is needed."""

TRIES = 8
LONGEST_WAIT = 60.0
"""Seconds. A longer Retry-After means that the daily quota is used up, which is reported instead of waited for."""

# Statuses to retry: 409 while the first request runs, 429 and 503, and 502 and 504 of the gateway.
_AGAIN = {409, 429, 502, 503, 504}
_SECONDS_PER_REQUEST = 35.0


class NoKey(WrongCall):
    """No API key is set."""

    code = "NoKey"
    hint = f"Create a key with `dataforge keys create --kind writer`, and set {KEY} to it."

    def __init__(self, deployment: str) -> None:
        super().__init__(f"{deployment}: no API key.")


class InsecureUrl(WrongCall):
    """The address of the API would send the key unencrypted."""

    code = "InsecureUrl"
    hint = "Use https://. --allow-http sends the key all the same, readable for every host in between."

    def __init__(self, url: str) -> None:
        super().__init__(f"The API key is not sent to {url}, which is neither https:// nor on this machine.")


class ApiRefused(CommandError):
    """The API rejected the request; the code of its problem is reported."""

    code = "ApiRefused"

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status, self.problem = status, problem
        name = code_of(str(problem.get("type", "")))
        found = "; ".join(
            f"{e.get('pointer') or e.get('parameter')}: {e['message']}" for e in problem.get("errors", ())
        )
        text = f"The API answered {status}: {problem.get('detail') or problem.get('message') or 'no reason given'}"
        super().__init__(f"{text} ({found})" if found else text, name=name)


class ApiUnreachable(CommandError):
    """The API did not answer, or answered only that it is busy."""

    code = "ApiUnreachable"


@dataclass(frozen=True)
class Answer:
    """An answer that is not retried."""

    status: int
    document: Any


class Api:
    """An API and a key for it. ``say`` reports each wait, and ``sleep`` waits for a number of seconds."""

    def __init__(
        self, url: str, key: str, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._url, self._key, self._say, self._sleep = url.rstrip("/"), key, say, sleep
        timeout = urllib3.Timeout(connect=10, read=_SECONDS_PER_REQUEST)
        self._pool = urllib3.PoolManager(retries=False, timeout=timeout, headers={"User-Agent": "dataforge"})

    def post(self, path: str, body: bytes, idempotency_key: str) -> Answer:
        """Post JSON, with retries under the same Idempotency-Key. Raises ``ApiRefused``, ``ApiUnreachable``."""
        headers = {
            "x-api-key": self._key,
            "content-type": "application/json",
            "idempotency-key": idempotency_key,
            "user-agent": "dataforge",
        }
        for attempt in range(TRIES):
            answer, reason, wait = self._try(path, body, headers)
            if answer is not None:
                return answer
            pause = wait if wait is not None else random.uniform(0.5, 1) * min(2**attempt / 2, 20)
            if pause > LONGEST_WAIT:
                raise ApiUnreachable(reason, hint=f"Try again in {pause / 3600:.1f} hours.")
            if attempt + 1 < TRIES:
                self._say(f"{reason} Trying again in {pause:.0f} s.")
                self._sleep(pause)
        raise ApiUnreachable(reason, f"The request failed {TRIES} times.")

    def _try(
        self, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[Answer | None, str, float | None]:
        """Return the answer, or the reason for a retry and the seconds until then."""
        try:
            response = self._pool.request("POST", self._url + path, body=body, headers=headers)
        except HTTPError as error:
            return None, f"No answer from {self._url} ({type(error).__name__}).", None
        document = _read(response.data)
        if response.status in _AGAIN:
            return None, f"{response.status}: {document.get('detail', 'busy')}", _seconds(response.headers)
        if response.headers.get("content-type", "").startswith("application/json") and "results" in document:
            return Answer(response.status, document), "", None
        raise ApiRefused(response.status, document)


def _read(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _seconds(headers: Mapping[str, str]) -> float | None:
    told = headers.get("retry-after", "")
    return float(told) if told.isdecimal() else None


def find_api(call: Call, *, allow_http: bool = False) -> Api:
    """Return the API of the environment or the deployment. ``allow_http``: send the key to other hosts unencrypted.

    Raises ``NoKey``, ``InsecureUrl`` and the errors of finding a deployment.
    """
    url, key = os.environ.get(URL), os.environ.get(KEY)
    name = url or ""
    if url:
        call.screen.say(f"Target: {url}")
    else:
        url, name = call.deployment["api_url"], call.deployment.name
        key = key or call.deployment.outputs.get("writer_key")
    if not key:
        raise NoKey(name)
    if not (allow_http or protects_key(url)):
        raise InsecureUrl(url)
    return Api(url, key, call.screen.say)


def protects_key(url: str) -> bool:
    """Whether a key that is sent to this address stays secret: by TLS, or on this machine.

    The parser is that of the client that sends the key, so both find the same host.
    """
    try:
        parts = parse_url(url)
    except LocationParseError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.host or ""))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
