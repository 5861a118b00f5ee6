"""Whose record it is."""

from streams.producers.meters import Attribution
from tests.support.audits import raw
from tests.support.histories import uai
from tests.support.scorecards import LYCEES, PRODUCERS, broken

ATTRIBUTION = Attribution(PRODUCERS)


def test_a_source_is_its_declared_producer_s() -> None:
    sources = (LYCEES, f"{LYCEES}:nord", "/undeclared")

    assert [ATTRIBUTION.of_source(one) for one in sources] == ["lycees", "lycees", "unknown"]


def test_a_label_has_the_source_as_it_is_declared() -> None:
    """A label outlives an erasure, and what a producer appends may be a person's pseudonym."""
    sources = (LYCEES, f"{LYCEES}:k1-{'0a' * 16}", f"{LYCEES}:..:nord", "/undeclared")

    labels = [ATTRIBUTION.label_of(one) for one in sources]

    assert labels == [LYCEES, LYCEES, f"{LYCEES}:..:nord", "/undeclared"]


def test_a_refused_record_is_whose_it_says_it_is() -> None:
    closed = raw("school.closed", uai("0750001"), "2018-01-01", source=LYCEES)
    records = (closed._replace(value=(closed.value or b"")[:-9]), broken(), broken(None))

    assert [ATTRIBUTION.of_refused(one) for one in records] == ["lycees", "lycees", "unknown"]


def test_where_nobody_is_declared_all_are_unknown() -> None:
    nobody = Attribution(None)

    assert (nobody.of_source(LYCEES), nobody.label_of(LYCEES)) == ("unknown", LYCEES)
