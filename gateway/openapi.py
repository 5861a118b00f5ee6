"""The OpenAPI 3.1 document of the gateway: openapi.yaml, with the schemas and the problems."""

from __future__ import annotations

from typing import Any, Final, cast

from events.cloudevent import INSTANT
from events.contracts.client_schemas import client_schemas, enumeration
from events.document import data_beside
from events.fact import JSON
from gateway.answers import answer_schemas
from gateway.problems import MEDIA_TYPE, problem_kinds

_TEXT: Final[JSON] = {"type": "string"}
_RETRY_AFTER: Final[JSON] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}
}
_HEADERS: Final[dict[int, JSON]] = {
    401: {"WWW-Authenticate": {"description": "How to authenticate.", "schema": _TEXT}},
    415: {"Accept": {"description": "The supported content types.", "schema": _TEXT}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
"""The headers of problems, by status."""


def openapi_document() -> dict[str, JSON]:
    """Return the document; its server is a variable, since each installation has its own."""
    document: dict[str, Any] = data_beside(__file__)
    shared: dict[str, JSON] = {}
    for path in document["paths"].values():
        for operation in path.values():
            # Copied: operations share them in the file.
            answers = operation["responses"] = dict(operation["responses"])
            for status in answers.pop("problems"):
                answers[str(status)] = _problem_answer(status, shared)
    for header in document["paths"]["/events/binary"]["post"]["parameters"]:
        if header["name"] == "ce-time":
            header["schema"]["pattern"] = INSTANT
    problem_name: dict[str, JSON] = {
        "type": "string",
        "description": "A kind of problem.",
        "enum": [*sorted(problem_kinds())],
    }
    document["components"] |= {
        "schemas": {
            **answer_schemas(),
            "ProblemName": enumeration("ProblemName", problem_name),
            **client_schemas(),
        },
        "responses": shared,
    }
    return cast("dict[str, JSON]", document)


def _problem_answer(status: int, shared: dict[str, JSON]) -> JSON:
    """Describe the answer of a status with all of its problems.

    The answer of a status with a single problem is a named component, which is added to `shared`.
    """
    kinds = [kind for kind in problem_kinds().values() if kind.status == status]
    answer: dict[str, JSON] = {
        "description": "\n".join(f"- `{kind.name}`: {kind.meaning}" for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in _HEADERS:
        answer["headers"] = _HEADERS[status]
    if len(kinds) > 1:
        return answer
    [kind] = kinds
    shared[kind.name] = {**answer, "description": f"{kind.title}. {kind.meaning}"}
    return {"$ref": f"#/components/responses/{kind.name}"}
