"""Routes in the functions, in the gateway's table and in the OpenAPI document are the same."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from dataforge.api.document import build
from dataforge.http import Kind, Router
from infra.api.routes import ROUTES, Route
from local.config import ROOT

FUNCTIONS = ROOT / "functions"

Operation = tuple[str, str]
"""Method and path."""


def routers() -> dict[str, Router]:
    """Function -> its routes, for each function with routes."""
    modules = {
        file.parent.name: f"functions.{file.parent.name}.handler" for file in FUNCTIONS.glob("*/handler.py")
    }
    found = {name: getattr(import_module(module), "router", None) for name, module in modules.items()}
    return {name: router for name, router in found.items() if isinstance(router, Router)}


@pytest.fixture(scope="module")
def served() -> dict[Operation, tuple[str, Kind | None]]:
    """(method, path) -> the function that serves the route, and the least privileged kind of key that it accepts."""
    return {
        (method, path): (name, least)
        for name, router in routers().items()
        for method, path, least in router.routes()
    }


@pytest.fixture(scope="module")
def documented() -> dict[Operation, Kind | None]:
    """(method, path) -> the least privileged kind of key according to the document."""
    paths = build()["paths"]
    return {
        (method.upper(), path.rstrip("/")): least_privileged(operation["security"])
        for path, item in paths.items()
        for method, operation in item.items()
    }


def least_privileged(security: list[dict[str, list[str]]]) -> Kind | None:
    if not security:
        return None
    ((kind,),) = (requirement["key"] for requirement in security)
    return Kind[kind.upper()]


def gateway_route(path: str) -> Route:
    """The gateway's choice: an exact path, else the longest matching path that ends in {proxy+}."""
    exact = [route for route in ROUTES if route.path == path]
    proxies = [
        r for r in ROUTES if r.path.endswith("/{proxy+}") and path.startswith(r.path.removesuffix("{proxy+}"))
    ]
    return (exact or sorted(proxies, key=lambda route: len(route.path)))[-1]


def test_each_route_is_served_by_one_function(served: dict[Operation, tuple[str, Kind | None]]) -> None:
    assert len(served) == sum(len(list(router.routes())) for router in routers().values())


def test_document_contains_exactly_the_served_routes_with_their_kinds_of_keys(
    served: dict[Operation, tuple[str, Kind | None]], documented: dict[Operation, Kind | None]
) -> None:
    assert documented == {operation: least for operation, (_, least) in served.items()}


def test_gateway_sends_every_route_to_its_function(served: dict[Operation, tuple[str, Kind | None]]) -> None:
    for (method, path), (function, _) in served.items():
        assert gateway_route(path).function == function, f"{method} {path}"


def test_gateway_requires_a_key_where_the_function_does(
    served: dict[Operation, tuple[str, Kind | None]],
) -> None:
    for (method, path), (_, least) in served.items():
        assert (method == "GET" and gateway_route(path).keyless) == (least is None), f"{method} {path}"


def test_every_route_of_the_gateway_is_served_by_a_function(
    served: dict[Operation, tuple[str, Kind | None]],
) -> None:
    used = {gateway_route(re.sub(r"\{\w+\}", "x", path)).path for _, path in served}
    assert used == {route.path for route in ROUTES}


def test_documentation_lists_every_route(served: dict[Operation, tuple[str, Kind | None]]) -> None:
    page = (FUNCTIONS.parent / "docs" / "api.md").read_text()
    assert [path for _, path in served if f"{path}`" not in page and f"{path}/`" not in page] == []
