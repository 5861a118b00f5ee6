"""The gateway's OpenAPI document is valid, and says everything that the gateway does."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.routing import Route

from gateway.app import EVENTS_PATHS
from gateway.openapi import openapi_document
from gateway.problems import KINDS
from tests.support.gateway import GatewayHarness

ROOT = Path(__file__).parents[3]
#: Problems that are answered before a request has an address.
BEFORE_ROUTING = {"malformed_request", "headers_too_large", "slow_request", "not_found"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """Return the document."""
    return openapi_document()


def test_it_is_valid(document: dict[str, Any]) -> None:
    """As OpenAPI 3.1 has it, with every reference found."""
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_is_in_it(document: dict[str, Any]) -> None:
    """With its method, and nothing else is."""
    app = GatewayHarness().app._app  # type: ignore[attr-defined]
    assert isinstance(app, Starlette)

    routes = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }

    assert routes == {
        (path, method) for path, operations in document["paths"].items() for method in operations
    }


@pytest.mark.parametrize("path", EVENTS_PATHS)
def test_every_problem_of_sending_is_in_it(document: dict[str, Any], path: str) -> None:
    """Each path that accepts events has every status that it may answer."""
    statuses = {kind.status for kind in KINDS.values()} - {404, 405}

    answers = document["paths"][path]["post"]["responses"]

    assert {int(status) for status in answers} == statuses | {202, 207}


@pytest.mark.parametrize("path", EVENTS_PATHS)
def test_a_way_of_sending_has_one_form(document: dict[str, Any], path: str) -> None:
    """A generator makes one function of an operation, with the first form of the body alone."""
    operation = document["paths"][path]["post"]

    assert len(operation["requestBody"]["content"]) == 1


def test_binary_mode_has_a_header_for_each_attribute(document: dict[str, Any]) -> None:
    """Those that an event needs are required."""
    parameters = document["paths"]["/events/binary"]["post"]["parameters"]

    assert {one["name"] for one in parameters if one["required"]} == {
        "ce-specversion",
        "ce-id",
        "ce-source",
        "ce-type",
        "ce-time",
    }


def test_a_server_can_be_filled_in(document: dict[str, Any]) -> None:
    """It is a variable, with a default, since each installation has its own."""
    [server] = document["servers"]

    assert server["url"] == "{gateway}"
    assert server["variables"]["gateway"]["default"].startswith("http")


def test_every_name_of_a_problem_that_is_raised_exists() -> None:
    """A problem is raised by its name: a mistyped one would be found by a client."""
    named = {
        node.args[0].value
        for file in sorted((ROOT / "gateway").glob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "ProblemError"
        and isinstance(node.args[0], ast.Constant)
    }

    assert named
    assert named <= set(KINDS)


def test_every_reference_stays_within(document: dict[str, Any]) -> None:
    """It is complete: a reader fetches nothing else."""
    references = re.findall(r"'\$ref': '([^']*)'", str(document))

    assert references
    assert all(reference.startswith("#/components/") for reference in references)
