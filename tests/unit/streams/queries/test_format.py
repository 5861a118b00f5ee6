"""What is taken for an answer of a worker, and what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from catalogue.loader import load_catalogue
from catalogue.terms import Expiry, Term, TermMode
from events.fact import Family
from streams.queries.format import AnswerUnreadableError, fingerprint
from streams.queries.received import ReceivedHistories
from tests.support.answering import decoded

HEAD = {
    "format": 1,
    "worker": "a",
    "position": "a.1.b",
    "version": 1,
    "since": None,
    "waiting_for": None,
    "partitions_expected": 2,
    "terms": ["9d1c05be77aa3f12"],
    "partitions": 1,
}
PARTITION = {
    "partition": 1,
    "generation": 1,
    "complete": True,
    "explanations": None,
    "series": 1,
}
ROW: list[Any] = [0, "75", "", [17226, 1, 17240, 2], [17226, 17240]]
SAID = {
    "indicator": "schools_connected",
    "milestone": "m",
    "territory": "75",
    "entity": "e",
    "day": "2018-03-01",
    "kind": "cause",
    "text": "t",
    "author_role": "r",
    "recorded_at": "2018-03-01T00:00:00+00:00",
    "source": "/s",
    "id": "1",
}


def take(*lines: object) -> int:
    answer = decoded(b"\n".join(json.dumps(line).encode() for line in lines))
    return ReceivedHistories(load_catalogue()).apply(answer, "http://w", 0.0).changes


def said(**changed: str) -> dict[str, Any]:
    return {**PARTITION, "explanations": [{**SAID, **changed}], "series": 0}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ([1, *ROW[1:]], "a term that the head does not name"),
        ([0, "", "", [17226], []], "a day without an amount"),
        ([0, "", "", [17226, 10**31], []], "an amount of more than 30 digits"),
        ([0, "", "", [17226, -(10**4000)], []], "an amount of more than 30 digits"),
        ([0, "", "", [17226, 1, 17226, 2], []], "a day twice"),
        ([0, "", "", [10**9, 1], []], "a day outside the calendar"),
        ([0, "", "", [], [-(10**9)]], "a day outside the calendar"),
    ],
)
def test_a_series_that_cannot_be_is_refused(row: object, problem: str) -> None:
    """It would be left out, count once of twice, or end the reader later."""
    with pytest.raises(AnswerUnreadableError, match=problem):
        take(HEAD, PARTITION, row)


@pytest.mark.parametrize(
    "recorded_at",
    [
        "0001-01-01T00:00:00+23:00",
        "9999-12-31T23:00:00-23:00",
        "2018-03-01T00:00:00",
        "2018-02-30T00:00:00Z",
    ],
)
def test_an_explanation_of_no_time_is_refused(recorded_at: str) -> None:
    """None in UTC ended the reader; without a zone it depended on the machine's."""
    with pytest.raises(AnswerUnreadableError, match="explanations"):
        take(HEAD, said(recorded_at=recorded_at))


def test_a_partition_that_cannot_be_is_refused() -> None:
    with pytest.raises(AnswerUnreadableError, match="beyond the number"):
        take(HEAD, {**PARTITION, "partition": 2}, ROW)
    with pytest.raises(AnswerUnreadableError, match="twice"):
        take({**HEAD, "partitions": 2}, PARTITION, ROW, PARTITION, ROW)


TERM = Term(
    Family.DATASETS,
    ("dataset.released", "dataset.updated"),
    unless=("dataset.withdrawn",),
    where=(("theme", frozenset({"transport", "culture"})),),
    expires=Expiry(days=30),
)


def test_it_is_the_same_in_every_process_and_release() -> None:
    """Whatever the order in which a set is kept: a worker and an assessor compare them."""
    assert fingerprint(TERM) == "8f8a39bbf0d22917"


def test_every_term_of_the_catalogue_has_its_own() -> None:
    terms = load_catalogue().terms
    assert len({fingerprint(term) for term in terms}) == len(terms)


@pytest.mark.parametrize(
    "change",
    [
        {"family": Family.GRANTS},
        {"facts": ("dataset.updated", "dataset.released")},
        {"unless": ()},
        {"mode": TermMode.ADD},
        {"amount": "workstations"},
        {"where": (("theme", frozenset({"transport"})),)},
        {"expires": Expiry(days=31)},
        {"expires": None},
        {"breakdown": "theme"},
        {"entities": frozenset({"one"})},
        {"entities": frozenset()},
    ],
)
def test_whatever_changes_a_term_changes_it(change: dict[str, object]) -> None:
    assert fingerprint(replace(TERM, **change)) != fingerprint(TERM)  # type: ignore[arg-type]
