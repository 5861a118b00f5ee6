"""The figures as known on a past day are those of the raw topics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.recount import audit_records
from broker.stored_record import RawRecord
from catalogue.history import StepFunction
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.fact import Family
from events.record_rules import RULES, RecordRules
from report.evidence import events_of
from report.past import knowledge_on
from streams.histories import categories_of, histories_of
from tests.support.audits import catalogue_of, raw, raw_record
from tests.support.histories import ENTITIES, histories
from tests.support.knowledge import states_held_on
from tests.support.ledgers import ledger_with, numbered
from tests.support.measures import MEASURES

CATALOGUE = load_catalogue()
KNOWN_ON = st.sampled_from(["2019-05-31", "2019-06-01", "2019-06-02"]).map(date.fromisoformat)


def check_known(
    records: Sequence[RawRecord],
    catalogue: Catalogue,
    day: date,
    rules: RecordRules = RULES,
) -> None:
    """Fail unless what the ledger knew on a day is what states of the raw topics hold."""
    persons = [record for record in records if record.topic == "smartregion.trainings"]
    with ledger_with(records, rules) as ledger:
        found = knowledge_on(ledger, persons, catalogue, day, rules)
    expected = states_held_on(records, catalogue, day, rules)
    assert found.histories == histories_of(expected, catalogue, day)
    assert found.parts == categories_of(expected, catalogue, day)


@pytest.mark.slow
@settings(max_examples=30)  # Each asks for all terms of the catalogue.
@given(
    st.lists(st.sampled_from(Family), min_size=1, max_size=3, unique=True).flatmap(
        lambda families: st.tuples(*map(histories, families))
    ),
    KNOWN_ON,
)
def test_figures_are_those_of_the_raw_topics(
    drawn: Sequence[Sequence[CloudEvent]], known_on: date
) -> None:
    records = numbered(raw_record(one) for part in drawn for one in part)
    check_known(records, CATALOGUE, known_on)


@pytest.mark.slow
@pytest.mark.parametrize("family", [family for family in Family if not family.about_persons])
@given(data=st.data())
def test_every_form_of_measure_has_the_same_course(family: Family, data: st.DataObject) -> None:
    measure, fields = data.draw(st.sampled_from(MEASURES[family]))
    records = numbered(map(raw_record, data.draw(histories(family))))
    check_known(records, catalogue_of(measure, **fields), data.draw(KNOWN_ON))


ENROLMENTS = st.lists(
    st.builds(
        lambda number, day, late, department, audience, retracted: raw(
            "training.enrolled",
            f"enrolment-{number:06}",
            str(date(2018, 1, 1) + timedelta(days=day)),
            at=f"{date(2018, 1, 1) + timedelta(days=day + late)}T12:00:00",
            department=department,
            audience=audience,
            retracted=retracted,
        ),
        st.integers(0, 30),
        st.integers(0, 120),
        st.integers(0, 90),
        st.sampled_from(["75", "93"]),
        st.sampled_from(["job_seeker", "employee"]),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=60,
)
SMALL_CELLS = catalogue_of(
    {"count": "training.enrolled"},
    breakdown="audience",
    availability_delay_days=15,
    min_cell=2,
    published="monthly",
)


def shown_of_persons(
    records: Sequence[RawRecord], known_on: date
) -> Mapping[object, tuple[object, ...]]:
    with ledger_with([]) as ledger:
        found = knowledge_on(ledger, records, SMALL_CELLS, known_on)
    [indicator] = SMALL_CELLS.indicators
    shown: dict[object, tuple[object, ...]] = {}
    for as_of in (date(2018, month, day) for month in range(1, 13) for day in (1, 15, 16, 28)):
        for department in (None, "75", "93"):
            [standing] = found.of(indicator, department, as_of)
            judged = standing.judgement
            shown[as_of, department] = judged.value, judged.change, judged.last_reported
            for category in indicator.categories:
                part = found.parts.get((indicator.id, department, category), StepFunction())
                shown[as_of, department, category] = (part.at(as_of),)
    return shown


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(ENROLMENTS, st.dates(date(2018, 2, 1), date(2018, 12, 1)))
def test_persons_become_known_by_publication_alone(
    records: Sequence[RawRecord], known_on: date
) -> None:
    publication = SMALL_CELLS.indicators[0].publication
    assert publication is not None
    published = publication.known_through(known_on)
    assert published <= known_on
    assert published.day == 15 or published < date(2018, 2, 1)

    assert shown_of_persons(records, known_on) == shown_of_persons(records, published)


def test_a_late_enrolment_is_known_with_the_next_publication() -> None:
    """Not on the day on which it was recorded, which would date it."""
    enrolled = [
        raw("training.enrolled", f"enrolment-{number:06}", "2018-01-10", at=f"{day}T12:00:00")
        for number, day in enumerate(["2018-01-11"] * 2 + ["2018-02-20"] * 2)
    ]
    values = [
        shown_of_persons(enrolled, date.fromisoformat(day))[date(2018, 12, 28), None]
        for day in ("2018-02-14", "2018-02-15", "2018-02-20", "2018-03-14", "2018-03-15")
    ]
    assert [value[0] for value in values] == [None, 2, 2, 2, 4]


LIVE = RecordRules(live_since=date(2019, 6, 10), lateness=timedelta(days=2))


def written(records: Iterable[RawRecord], day: date) -> list[RawRecord]:
    noon = datetime.combine(day, time(12), UTC)
    return [one._replace(timestamp=round(noon.timestamp() * 1000)) for one in records]


@pytest.mark.slow
@settings(max_examples=10)
@given(
    st.lists(st.sampled_from(Family), min_size=1, max_size=3, unique=True).flatmap(
        lambda families: st.tuples(*(st.tuples(histories(one), histories(one)) for one in families))
    ),
    KNOWN_ON,
)
def test_events_sent_today_change_no_past_day(
    drawn: Sequence[tuple[Sequence[CloudEvent], Sequence[CloudEvent]]], known_on: date
) -> None:
    """Since the topics are live, an earlier `time` makes nothing known earlier, anywhere."""
    loaded = written((raw_record(one) for first, _ in drawn for one in first), date(2019, 6, 9))
    sent = written((raw_record(one) for _, then in drawn for one in then), date(2019, 6, 12))
    shown = []
    for records in (numbered(loaded), numbered([*loaded, *sent])):
        persons = [record for record in records if record.topic == "smartregion.trainings"]
        with ledger_with(records, LIVE) as ledger:
            found = knowledge_on(ledger, persons, CATALOGUE, known_on, LIVE)
            events = [
                events_of(ledger, Family.SCHOOLS, entity, known_on)
                for entity in ENTITIES[Family.SCHOOLS]
            ]
        counted = audit_records(records, CATALOGUE, known_on, known_on, rules=LIVE)
        exported = states_held_on(records, CATALOGUE, known_on, LIVE)
        shown.append(
            (
                found.histories,
                found.parts,
                found.explanations,
                events,
                counted.readings,
                counted.histories,
                histories_of(exported, CATALOGUE, known_on),
            )
        )
    before, after = shown
    assert after == before


CONNECTED = catalogue_of({"count": "school.connected"})


@pytest.mark.slow
@settings(max_examples=30)
@given(
    histories(Family.SCHOOLS),
    histories(Family.SCHOOLS),
    st.dates(date(2019, 6, 1), date(2019, 6, 12)),
)
def test_the_ledger_and_the_raw_topics_agree_once_live(
    loaded: Sequence[CloudEvent], sent: Sequence[CloudEvent], known_on: date
) -> None:
    """Also on days when the newest record by `time` is not the last that became known."""
    records = numbered(
        [
            *written(map(raw_record, loaded), date(2019, 6, 9)),
            *written(map(raw_record, sent), date(2019, 6, 12)),
        ]
    )
    check_known(records, CONNECTED, known_on, LIVE)
