"""The workloads: few entities that come back often, entities that come once, and millions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product

from events.broadband import BroadbandCoverageReported
from events.cloudevent import CloudEvent
from events.dataset import DatasetReleased, DatasetUpdated, Licence, Theme, UpdateFrequency
from events.fact import Fact, Family
from events.grant import GrantCall, GrantCommitted, GrantPaid
from events.identifiers import Department
from events.training import TrainingAudience, TrainingEnrolled, TrainingProgramme
from tests.support.sources import source_of

EVENTS = 200_000
COMMUNES = 2_000
QUARTERS = 20
REPORTS_PER_QUARTER = EVENTS // COMMUNES // QUARTERS  # The first, and its corrections.

#: Of the millions: an entity's first day is one of so many, its last one half a year later.
FIRST_DAYS = 1_640
#: One of so many entities with several events is a dataset, the rest are grants.
GRANTS_PER_DATASET = 4
BEGAN = datetime(2016, 1, 4, 8, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Workload:
    name: str
    meaning: str
    family: Family
    entities: int
    events: Callable[[], Iterator[CloudEvent]]


def grant(number: int, department: Department, *, source: str) -> CloudEvent:
    """Return the commitment of a grant; each number of a source is another one."""
    time = BEGAN + timedelta(minutes=10 * number)
    fact = GrantCommitted(
        grant_id=f"{source.strip('/')}-{number:012}",
        committed_on=time.date(),
        call=GrantCall.SECOND_DIGITAL_CHANCE,
        siret="23750007900312",
        amount_cents=100,
        department=department,
    )
    return _event(number, source, time, fact)


def _enrolment(number: int, department: Department, *, source: str) -> CloudEvent:
    programmes, audiences = list(TrainingProgramme), list(TrainingAudience)
    time = BEGAN + timedelta(minutes=10 * number)
    return _event(
        number,
        source,
        time,
        TrainingEnrolled(
            enrolment_id=f"{source.rpartition(':')[2]}-{number:012}",
            enrolled_on=time.date(),
            programme=programmes[number % len(programmes)],
            audience=audiences[number % len(audiences)],
            department=department,
        ),
    )


def _enrolments() -> Iterator[CloudEvent]:
    departments = list(Department)
    for number in range(EVENTS):
        department = departments[number % len(departments)]
        yield _enrolment(number, department, source=source_of("training.enrolled"))


def _coverage() -> Iterator[CloudEvent]:
    departments = list(Department)
    communes = [
        f"{departments[n % len(departments)].value}{n // len(departments):03}"
        for n in range(COMMUNES)
    ]
    rounds = product(range(QUARTERS), range(REPORTS_PER_QUARTER), communes)
    for number, (quarter, correction, insee) in enumerate(rounds):
        premises = 1_000 + 10 * quarter
        fact = BroadbandCoverageReported(
            insee=insee,
            as_of=_first_day(quarter),
            premises=premises,
            connectable_premises=premises * (quarter + 1) // (QUARTERS + 1) + correction,
        )
        reported = datetime.combine(fact.as_of, BEGAN.timetz()) + timedelta(days=7 * correction)
        yield _event(number, source_of("broadband.coverage_reported"), reported, fact)


def many_events(entities: int) -> Iterator[CloudEvent]:
    """Yield the events of so many entities over five years, five for each two of them.

    Half are enrolments that are heard of once; the others are grants and datasets, each with four
    events, corrections among them.
    """
    departments = list(Department)
    for number in range(entities // 2):
        department = departments[number % len(departments)]
        yield _enrolment(number, department, source=source_of("training.enrolled"))
        # 7 919 is a prime: neighbours are far from each other in time.
        day = BEGAN.date() + timedelta(days=number * 7_919 % FIRST_DAYS)
        facts = _grant_facts if number % GRANTS_PER_DATASET else _dataset_facts
        for each, fact in enumerate(facts(number, day, department)):
            recorded = datetime.combine(fact.effective_day, BEGAN.timetz())
            time = recorded + timedelta(days=2, minutes=each)
            yield _event(4 * number + each, source_of(fact.NAME), time, fact)


def _grant_facts(number: int, day: date, department: Department) -> Iterator[Fact]:
    calls = list(GrantCall)
    for kind, days in ((GrantCommitted, 0), (GrantPaid, 180)):
        for amount in (100_000, 95_000):
            yield kind.model_validate(
                {
                    "grant_id": f"grant-{number:09}",
                    kind.DAY: day + timedelta(days=days),
                    "call": calls[number % len(calls)],
                    "siret": "23750007900312",
                    "amount_cents": amount,
                    "department": department,
                }
            )


def _dataset_facts(number: int, day: date, _: Department) -> Iterator[Fact]:
    themes, name = list(Theme), f"dataset-{number:09}"
    yield DatasetReleased(
        dataset_id=name,
        released_on=day,
        title="Jeu de données",
        theme=themes[number % len(themes)],
        publisher="Région Île-de-France",
        licence=Licence.OPEN_LICENCE,
        update_frequency=UpdateFrequency.QUARTERLY,
    )
    for days in (60, 120, 180):
        yield DatasetUpdated(dataset_id=name, updated_on=day + timedelta(days=days))


def _first_day(quarter: int) -> date:
    return date(2016 + quarter // 4, 1 + 3 * (quarter % 4), 1)


def _event(number: int, source: str, time: datetime, fact: Fact) -> CloudEvent:
    return CloudEvent(id=f"{number:016x}", source=source, time=time, fact=fact)


HOT = Workload(
    "hot",
    f"broadband coverage of {COMMUNES} communes: {QUARTERS} quarters, each reported and then "
    f"corrected {REPORTS_PER_QUARTER - 1} times",
    Family.BROADBAND,
    COMMUNES,
    _coverage,
)
DISTINCT = Workload(
    "distinct",
    f"{EVENTS} enrolments, each heard of once",
    Family.TRAININGS,
    EVENTS,
    _enrolments,
)
WORKLOADS = (HOT, DISTINCT)
