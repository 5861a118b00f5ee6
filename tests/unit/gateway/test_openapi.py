"""The gateway's OpenAPI document is valid, and says everything that the gateway does."""

import ast
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.routing import Route

from gateway.app import EVENTS_PATHS
from gateway.openapi import openapi_document
from gateway.problems import problem_kinds
from tests.support.gateway import GatewayHarness, bearer, event

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def test_it_is_valid(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_is_in_it(document: dict[str, Any]) -> None:
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
    statuses = {kind.status for kind in problem_kinds().values()} - {404, 405}

    answers = document["paths"][path]["post"]["responses"]

    assert {int(status) for status in answers} == statuses | {202, 207}


@pytest.mark.parametrize(
    ("header", "value", "fits"),
    [
        ("ce-id", "a" * 256, True),
        ("ce-id", "a" * 257, False),
        ("ce-id", "", False),
        ("ce-id", "%F0%9F%98%80" * 256, True),
        ("ce-id", "%F0%9F%98%80" * 257, False),
        ("ce-id", "50%", False),
        ("ce-id", "50%25%20%22", True),
        ("ce-id", "%7F", False),
        ("ce-id", "%C2%80", False),
        ("ce-subject", "%C3%A9", True),
        ("ce-subject", "%0A", False),
        ("ce-source", "/lycees/" + "a" * 248, True),
        ("ce-source", "/lycees/" + "a" * 249, False),
        ("ce-source", "/lycees/%25C3%25A9", False),
        ("ce-source", "/lycees/%C3%A9", False),
        ("ce-dataschema", "urn:schema", True),
        ("ce-dataschema", "a schema", False),
        ("ce-time", "2026-03-11T09:00:00Z", True),
        ("ce-time", "2026-03-11T09:00:00", False),
        ("ce-time", "2009-03-11T09:00:00Z", False),
    ],
)
def test_a_header_that_fits_the_document_is_accepted(
    document: dict[str, Any], header: str, value: str, *, fits: bool
) -> None:
    parameters = document["paths"]["/events/binary"]["post"]["parameters"]
    [schema] = (one["schema"] for one in parameters if one["name"] == header)
    attributes = {f"ce-{name}": part for name, part in event().items() if name != "data"}
    headers = {**bearer(), **attributes, header: value}

    status, _ = GatewayHarness().send(
        event()["data"], media_type="application/json", headers=headers
    )

    assert Draft202012Validator(schema).is_valid(value) == fits
    assert (status == 202) == fits


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
    assert named <= set(problem_kinds())
