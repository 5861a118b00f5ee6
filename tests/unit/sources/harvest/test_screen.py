"""Answers to the question for data, honest or not."""

from __future__ import annotations

import pytest

from boundary.http_client import HttpAnswer
from sources.harvest import screen as subject
from sources.harvest.data_state import DataOutcome, FoundData, Validators
from sources.harvest.polite_client import PoliteAnswer
from sources.harvest.portal_dataset import Distribution
from sources.harvest.screen import found_in, probe
from tests.support.harvests import hurried
from tests.support.portals import Answer, Portal, portal

URL = "https://data.example.org/gares"
ROWS = b"gare;voyageurs\nNation;12\nOpera;3\n"


def found(body: bytes, kind: str = "text/csv", *, is_cut: bool = False, **how: bool) -> FoundData:
    answer = HttpAnswer(200, {"Content-Type": kind}, body)
    return found_in(PoliteAnswer(URL, answer, is_cut), Distribution(url=URL, **how))


@pytest.mark.parametrize(
    ("body", "kind", "outcome"),
    [
        (b"", "text/csv", DataOutcome.EMPTY),
        (b"\xef\xbb\xbf\r\n", "text/csv", DataOutcome.EMPTY),
        (b"gare;voyageurs\n", "text/csv", DataOutcome.EMPTY),
        (b"[]", "application/json", DataOutcome.EMPTY),
        (b"{}", "application/json", DataOutcome.EMPTY),
        (b' {"type": "x", "features": []}', "application/geo+json", DataOutcome.EMPTY),
        (b'{"total_count": 0, "results": []}', "application/json", DataOutcome.EMPTY),
        (b"", "application/zip", DataOutcome.EMPTY),
        (ROWS, "text/csv", DataOutcome.DATA),
        (b"[1]", "application/json", DataOutcome.DATA),
        (b'{"features": [{}]}', "application/json", DataOutcome.DATA),
        (b"[not json", "application/json", DataOutcome.DATA),
        (b"PK\x03\x04", "application/zip", DataOutcome.DATA),
        (b"one line", "text/plain", DataOutcome.DATA),
    ],
)
def test_what_has_no_record_is_empty(body: bytes, kind: str, outcome: DataOutcome) -> None:
    """Whatever its status promises, and in forms that are not looked into."""
    assert found(body, kind).outcome is outcome


def test_a_page_in_the_place_of_data_is_no_data() -> None:
    """With its own type or a false one; where a page was announced, it is what is there."""
    page = b"\n<!DOCTYPE html><title>Erreur</title>"

    assert found(page, "text/html").outcome is DataOutcome.FAILED
    assert found(page, "text/csv").outcome is DataOutcome.FAILED
    assert found(page, "text/html", as_page=True).outcome is DataOutcome.DATA
    about = found(page, "text/html", is_data=False)
    assert (about.outcome, about.is_whole) == (DataOutcome.DATA, False)


def test_rows_in_another_order_are_the_same_data() -> None:
    """Exports give them as they come."""
    lines = ROWS.splitlines(keepends=True)

    assert found(b"".join(reversed(lines))).fingerprint == found(ROWS).fingerprint
    assert found(ROWS + b"Bercy;1\n").fingerprint != found(ROWS).fingerprint


def test_what_is_large_is_held_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of empty lines, or JSON of empty lists, took fifty times its size of memory."""
    monkeypatch.setattr(subject, "MOST_LINES", 2)
    monkeypatch.setattr(subject, "LARGEST_EMPTY", 20)
    lines = ROWS.splitlines(keepends=True)

    assert found(b"".join(reversed(lines))).fingerprint != found(ROWS).fingerprint
    assert found(b'{"results": []}', "application/json").outcome is DataOutcome.EMPTY
    assert found(b'{"results":          []}', "application/json").outcome is DataOutcome.DATA


def test_what_was_cut_is_known_by_its_length_and_marks() -> None:
    """Without them it may have changed behind the part that was read."""
    assert not found(ROWS, is_cut=True).is_whole
    answer = HttpAnswer(200, {"Content-Type": "text/csv", "Content-Length": "999"}, ROWS)
    longer = HttpAnswer(200, {"Content-Type": "text/csv", "Content-Length": "1000"}, ROWS)
    one, other = (
        found_in(PoliteAnswer(URL, each, is_cut=True), Distribution(url=URL))
        for each in (answer, longer)
    )
    assert one.is_whole
    assert one.fingerprint != other.fingerprint


def ask(served: Portal, path: str, known: Validators | None = None) -> FoundData | None:
    with hurried(seconds=0.3, longest_wait=1) as client:
        return probe(client, Distribution(url=served.url + path), known or Validators())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(403), "status 403"),
        (Answer(500), "status 500"),
        (Answer(302, headers={"Location": "ftp://example.org/"}), "redirect"),
        (Answer(seconds=2.0), "timed out"),
    ],
)
def test_what_does_not_answer_with_data_fails(answer: Answer, why: str) -> None:
    with portal() as served:
        served.documents["/x.csv"] = answer
        failed = ask(served, "/x.csv")

    assert failed is not None
    assert failed.outcome is DataOutcome.FAILED
    assert why in failed.why


@pytest.mark.parametrize("answer", [Answer(429, headers={"Retry-After": "900"}), Answer(429)])
def test_of_a_host_that_asks_to_wait_nothing_is_said(answer: Answer) -> None:
    """That one asks too often is no fact about the data; nor that robots may not read them."""
    with portal() as served:
        served.documents["/x.csv"] = answer
        assert ask(served, "/x.csv") is None
        served.documents["/robots.txt"] = Answer(body=b"User-agent: *\nDisallow: /x\n")
        assert ask(served, "/x.csv") is None


def test_data_that_have_not_changed_are_not_sent_again() -> None:
    with portal() as served:
        served.documents["/x.csv"] = Answer(body=ROWS, headers={"Content-Type": "text/csv"})
        first = ask(served, "/x.csv")
        assert first is not None
        second = ask(served, "/x.csv", first.validators)

    assert second == FoundData(outcome=DataOutcome.SAME)
