"""Every refusal has a kind of problem, and says what is wrong without saying too much."""

import pytest

from events.errors import REASONS_OF_WORKERS, ContractError, RefusalReason
from gateway.problems import KINDS, ProblemError, of_contract


@pytest.mark.parametrize("reason", sorted(set(RefusalReason) - REASONS_OF_WORKERS))
def test_every_reason_is_a_problem(reason: RefusalReason) -> None:
    problem = of_contract(ContractError(reason, "data.uai", "x" * 1_000, "repair it"))

    assert problem["type"] == f"/problems/{reason.value}"
    assert problem["field"] == "data.uai"
    assert problem["remedy"] == "repair it"
    assert len(str(problem["value"])) <= 80


def test_a_problem_has_the_members_of_rfc_9457() -> None:
    error = ProblemError("body_too_large", "body: too large", limit=10)

    assert error.problem == {
        "type": "/problems/body_too_large",
        "title": KINDS["body_too_large"].title,
        "status": 413,
        "detail": "body: too large",
        "limit": 10,
    }


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_title_and_a_meaning_say_different_things(kind: object) -> None:
    title, meaning = getattr(kind, "title", ""), getattr(kind, "meaning", "")

    assert title
    assert not title.endswith(".")
    assert meaning.endswith(".")
    assert not meaning.startswith(title)
