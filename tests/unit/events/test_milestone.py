"""What a programme's owner says of a milestone."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from events.cloudevent import decode_json
from events.errors import ContractError, RefusalReason
from events.milestone import MilestoneExplained, check_milestone

DATA: Final = {
    "indicator": "schools_connected_ratio",
    "milestone": "all_connected",
    "territory": "D77",
    "explained_on": "2019-03-11",
    "kind": "cause",
    "text": "Les travaux ont pris du retard.",
    "author_role": "Responsable du programme Lycées",
}


def said(**fields: Any) -> MilestoneExplained:
    envelope = {
        "specversion": "1.0",
        "id": "1",
        "source": "urn:iledefrance:explications",
        "time": "2019-03-11T09:30:00Z",
        "type": MilestoneExplained.TYPE,
        "data": {**DATA, **fields},
    }
    fact = decode_json(json.dumps(envelope)).fact
    assert isinstance(fact, MilestoneExplained)
    return fact


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            {"milestone": "all"},
            "data.milestone: is no milestone of schools_connected_ratio in the catalogue, value",
        ),
        (
            {"indicator": "schools_connected"},
            "value 'schools_connected': write 'schools_connected_ratio'",
        ),
        ({"indicator": "without"}, "data.indicator: is no indicator with milestones"),
    ],
)
def test_a_milestone_that_the_catalogue_does_not_have_is_refused(
    named: dict[str, str], message: str
) -> None:
    known = {"schools_connected_ratio": ["half", "all_connected"], "without": []}
    check_milestone(said(), known)
    with pytest.raises(ContractError) as refusal:
        check_milestone(said(**named), known)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\u00a0\n",
        "a\tb",
        "a\r\nb",
        "a\x00",
        "\x1b[31m",
        "a\u202eb",
        "\u2066a",
        "a" * 2001,
    ],
    ids=ascii,
)
def test_a_text_that_is_not_plain_is_refused(text: str) -> None:
    with pytest.raises(ContractError) as refusal:
        said(text=text)
    assert (refusal.value.reason, refusal.value.field) == (
        RefusalReason.INVALID_DATA,
        "data.text",
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("territory", "FRANCE"),
        ("territory", "D13"),
        ("kind", "excuse"),
        ("milestone", "All"),
        ("indicator", "a/b"),
        ("author_role", "a\nb"),
        ("author_role", " "),
        ("author_role", "a" * 101),
    ],
)
def test_what_names_no_milestone_of_the_region_is_refused(field: str, value: str) -> None:
    with pytest.raises(ContractError) as refusal:
        said(**{field: value})
    assert refusal.value.field == f"data.{field}"
