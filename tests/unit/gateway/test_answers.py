"""What the gateway answers: receipts, problems and documents."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from events.errors import ContractError, RefusalReason
from gateway.answers import answer_schemas
from gateway.documents import DOCUMENTS, document_text
from gateway.problems import of_contract, problem_kinds
from tests.support.letters import REASONS_OF_WORKERS


def test_what_may_be_null_has_two_types() -> None:
    """Generators of clients make a class of `anyOf`."""
    receipt: Any = answer_schemas()["Receipt"]

    assert receipt["properties"]["offset"] == {
        "type": ["integer", "null"],
        "format": "int64",
        "minimum": 0,
        "description": "Null if the broker no longer knew the offset, after a retry.",
    }


@pytest.mark.parametrize("reason", sorted(set(RefusalReason) - REASONS_OF_WORKERS))
def test_every_reason_is_a_problem(reason: RefusalReason) -> None:
    problem = of_contract(ContractError(reason, "data.uai", "x" * 1_000, "repair it"))

    assert problem["type"] == f"/problems/{reason.value}"
    assert problem["field"] == "data.uai"
    assert problem["remedy"] == "repair it"
    assert len(str(problem["value"])) <= 80


@pytest.mark.parametrize("kind", problem_kinds().values(), ids=problem_kinds())
def test_a_title_and_a_meaning_say_different_things(kind: object) -> None:
    title, meaning = getattr(kind, "title", ""), getattr(kind, "meaning", "")

    assert title
    assert not title.endswith(".")
    assert meaning.endswith(".")
    assert not meaning.startswith(title)


def test_a_document_is_json_in_utf_8() -> None:
    text = document_text("asyncapi.json")

    assert "Région" in text
    assert json.loads(text)["asyncapi"] == "3.0.0"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_complete_in_itself(path: str) -> None:
    references = re.findall(r'"\$ref": "([^"]*)"', document_text(path))

    assert [one for one in references if not one.startswith("#/")] == []
