"""What facts refer to, and who declared it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.cloudevent import CloudEvent
from events.dead_letters import RecordOrigin
from events.fact import Family
from events.producers.model import Producers
from events.registry import FACTS_BY_NAME
from operations.scorecards.classification import AcceptedRecord, ClassifiedRecord, RefusedRecord
from operations.scorecards.references import (
    REFERENCES,
    Reconciliation,
    Reference,
    ReferenceKind,
)
from operations.scorecards.report import report_on
from tests.support.histories import event, histories, uai
from tests.support.producers import producer
from tests.support.sources import source_of

PARIS = uai("0750001")
MEAUX = uai("0770001")
HERE = RecordOrigin("smartregion.schools", 0, 5)
SIRET = "23750007900312"
AS_OF = date(2019, 6, 30)
PRODUCERS = Producers(
    producers=(
        producer("one", "urn:iledefrance"),
        producer("other", f"{source_of('school.connected')}:other"),
    )
)

FAMILIES = (Family.SCHOOLS, Family.EQUIPMENT, Family.COWORKING, Family.WORKSTATIONS, Family.GRANTS)


def reconciled(*events: CloudEvent, sirets: Iterable[str] | None = None) -> Reconciliation:
    seen = (AcceptedRecord(one, HERE._replace(offset=offset)) for offset, one in enumerate(events))
    return reconciled_of(seen, sirets=sirets)


def reconciled_of(
    seen: Iterable[ClassifiedRecord], sirets: Iterable[str] | None = None
) -> Reconciliation:
    known = None if sirets is None else frozenset(sirets)
    found = report_on(seen, PRODUCERS, AS_OF, references=True, sirets=known).references
    assert found is not None
    return found


def dangling(*events: CloudEvent, sirets: Iterable[str] | None = None) -> list[tuple[object, ...]]:
    found = reconciled(*events, sirets=sirets).dangling
    return [(one.kind, one.fact, one.value, one.count) for one in found]


def registered(lycee: str, *, retracted: bool = False, at: str | None = None) -> CloudEvent:
    return event("school.registered", lycee, "2018-01-01", retracted=retracted, at=at)


def connected(lycee: str, day: str = "2018-01-01") -> CloudEvent:
    return event("school.connected", lycee, day)


def delivered(number: str, lycee: str, *, at: str | None = None) -> CloudEvent:
    day = "2018-01-01"
    return event("equipment.delivered", number, day, uai=lycee, department=lycee[1:3], at=at)


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda one: f"{one.kind}.{one.field}")
def test_a_reference_is_a_field_of_its_facts(reference: Reference) -> None:
    declaring = {reference.declared_by} if reference.declared_by else set()
    for name in reference.facts | declaring:
        assert reference.field in FACTS_BY_NAME[name].model_fields


TAKEN_BACK = registered(PARIS, retracted=True, at="2018-02-01T00:00:00")
#: What it names instead counts, in whatever order the two are read.
WRONG, RIGHT = delivered("D1", MEAUX), delivered("D1", PARIS, at="2018-02-01T00:00:00")


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([connected(PARIS), registered(PARIS), delivered("D1", PARIS)], []),
        (
            [
                registered(PARIS),
                connected(MEAUX),
                delivered("D1", MEAUX),
                delivered("D2", MEAUX),
                delivered("D3", PARIS),
            ],
            [
                (ReferenceKind.SCHOOL, "equipment.delivered", MEAUX, 2),
                (ReferenceKind.SCHOOL, "school.connected", MEAUX, 1),
            ],
        ),
        (
            [registered(PARIS), TAKEN_BACK, connected(PARIS)],
            [(ReferenceKind.SCHOOL, "school.connected", PARIS, 1)],
        ),
        ([registered(PARIS), WRONG, RIGHT], []),
        ([RIGHT, WRONG, registered(PARIS)], []),
        (
            [event("workstation.usage_reported", "S1", "2018-01-31")],
            [(ReferenceKind.SITE, "workstation.usage_reported", "S1", 1)],
        ),
        (
            [event("broadband.coverage_reported", "77000", "2018-01-01")],
            [(ReferenceKind.COMMUNE, "broadband.coverage_reported", "77000", 1)],
        ),
    ],
)
def test_what_nobody_declared_is_listed_by_who_names_it(
    events: list[CloudEvent], found: list[tuple[object, ...]]
) -> None:
    assert dangling(*events) == found


def test_a_line_says_where_its_first_record_is() -> None:
    later = connected(MEAUX, "2018-02-01")

    (line,) = reconciled(registered(PARIS), connected(MEAUX), later).dangling

    assert (line.example, line.producer, line.field) == (
        "smartregion.schools[0]@1",
        "one",
        "data.uai",
    )


def test_sirets_are_checked_against_a_list_only() -> None:
    """Without one they are said not to have been looked at."""
    grant = event("grant.committed", "G1", "2018-01-01", siret=SIRET)

    assert dangling(grant) == []
    assert ReferenceKind.SIRET in reconciled(grant).unchecked
    assert dangling(grant, sirets=[SIRET]) == []
    assert dangling(grant, sirets=[]) == [(ReferenceKind.SIRET, "grant.committed", SIRET, 1)]


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("data.insee", "69123", "69123"),
        ("data.commune", "2A004", "2A004"),
        ("data.uai", "0690001X", "0690001X"),
        ("data.insee", "Jeanne Dupont", None),
        ("data.siret", "1 85 05 78 006 084 36", None),
        ("data.site_id", "Jeanne Dupont", None),
        ("data.insee", None, None),
    ],
)
def test_a_refused_reference_is_listed_too(field: str, value: object, shown: str | None) -> None:
    """A commune elsewhere is not silently dropped; what it is not is not shown."""
    found = reconciled_of([RefusedRecord("invalid_data", field, HERE, value=value)])

    (line,) = found.dangling
    assert (line.fact, line.field, line.value, line.count) == (None, field, shown, 1)
    assert all(one.unknown == 0 for one in found.checked)


@pytest.mark.slow
@given(
    history=st.lists(st.sampled_from(FAMILIES).flatmap(lambda one: histories(one, max_size=4))),
    data=st.data(),
)
def test_the_order_does_not_matter(history: list[list[CloudEvent]], data: st.DataObject) -> None:
    seen = [
        AcceptedRecord(one, HERE._replace(offset=offset))
        for offset, one in enumerate(one for events in history for one in events)
    ]
    again = data.draw(st.permutations([*seen, *seen[:3]]))

    assert reconciled_of(seen, [SIRET]) == reconciled_of(again, [SIRET])
