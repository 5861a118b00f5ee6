"""An event of another owner: every reader refuses it, in any order of arrival."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.export.pilote import current_values
from audit.recount import audit_records
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.producers.model import load_producers
from events.record_rules import RecordRules
from operations.dead_letters.replay import ReplayDestinations
from operations.erasure.persons import Persons, find_traces, retractions
from operations.scorecards.classification import classify_records
from operations.scorecards.report import report_on, report_text
from streams.histories import histories_of
from streams.state_store import StateStore
from tests.support.audits import catalogue_of, raw, raw_record
from tests.support.histories import deliveries, event, histories, state_of, uai
from tests.support.knowledge import states_held_on
from tests.support.letters import letter_of
from tests.support.observations import observation_events, observed
from tests.support.records import PARTITIONS, apply_events, processed
from tests.support.sources import source_of

if TYPE_CHECKING:
    from broker.stored_record import RawRecord
    from events.cloudevent import CloudEvent
    from events.dead_letters import DeadLetter
    from streams.state import EntityState

PRODUCERS = load_producers()
RULES = RecordRules(ownership=PRODUCERS.ownership)
PARIS = uai("0750001")
PERSON = "enrolment-000001"
CONNECTED = {"count": "school.connected"}
LAST_DAY = date(2020, 12, 31)
LATER = "2019-01-01T00:00:00"

OWNERS = event("school.connected", PARIS, "2018-01-01")
ANOTHERS = event(
    "school.connected",
    PARIS,
    "2018-01-01",
    at=LATER,
    source="urn:iledefrance:formation",
    retracted=True,
)


def connections() -> list[RawRecord]:
    return [raw_record(OWNERS), raw_record(ANOTHERS)]


@st.composite
def disputed(draw: st.DrawFn, family: Family) -> list[CloudEvent]:
    """Draw a history of which some events are not their owners'."""
    history = draw(histories(family))
    others = "dataset.released" if family is Family.SCHOOLS else "school.connected"
    others_sources = ("/nobody", f"{source_of(others)}-too", source_of(others))
    return [
        replace(one, source=draw(st.sampled_from(others_sources))) if draw(st.booleans()) else one
        for one in history
    ]


def is_owners(reported: CloudEvent) -> bool:
    return reported.source.startswith(f"{source_of(reported.fact.NAME)}:")


def known(state_store: StateStore, family: Family) -> dict[str, EntityState]:
    return {
        entity: state
        for partition in range(PARTITIONS)
        for entity, state in state_store.states(family, partition).items()
    }


class TestStates:
    @pytest.mark.parametrize("family", Family)
    @given(data=st.data())
    def test_any_order_leads_to_the_owners_states(
        self, family: Family, data: st.DataObject
    ) -> None:
        history = data.draw(disputed(family))
        own = [one for one in history if is_owners(one)]

        disturbed = apply_events(StateStore([]), family, data.draw(deliveries(history)), RULES)
        undisturbed = apply_events(StateStore([]), family, [own])

        assert known(disturbed, family) == known(undisturbed, family)

    def test_what_an_erasure_took_back_stays_taken_back(self) -> None:
        """Its retraction is accepted, although the owner has not sent it."""
        persons = Persons([PERSON], RULES)
        enrolled = event("training.enrolled", PERSON, "2018-01-01")
        (back,) = retractions(
            find_traces([raw_record(enrolled)], persons), now=datetime(2020, 1, 1, tzinfo=UTC)
        )
        state_store = apply_events(StateStore([]), Family.TRAININGS, [[enrolled], [back]], RULES)
        (state,) = known(state_store, Family.TRAININGS).values()
        assert state == state_of(enrolled, back)


class TestReaders:
    @pytest.mark.parametrize("family", Family)
    @given(data=st.data())
    def test_the_audit_and_the_worker_refuse_the_same(
        self, family: Family, data: st.DataObject
    ) -> None:
        history = data.draw(disputed(family))
        counted = sum(
            len(result.refusals) for _, result in processed(StateStore([]), family, history, RULES)
        )
        audit = audit_records(
            map(raw_record, history), catalogue_of(CONNECTED), LAST_DAY, rules=RULES
        )
        assert audit.account.refused == counted
        assert set(audit.account.refusals) <= {RefusalReason.NOT_OWNER}

    def test_what_was_known_on_a_day_does_not_know_it(self) -> None:
        catalogue = catalogue_of(CONNECTED)
        sums = states_held_on(connections(), catalogue, LAST_DAY, RULES)

        assert histories_of(sums, catalogue)["figure", None].reading(LAST_DAY).numerator == 1

    def test_observations_are_exported_without_it(self) -> None:
        first, later = observation_events(
            [observed("IND-101", "R11", "2018-01-01", value) for value in "12"]
        )
        records = [raw_record(first), raw_record(replace(later, source="urn:iledefrance:arcep"))]

        assert [value.value for value in current_values(records, LAST_DAY, rules=RULES)] == [1]

    def test_an_erasure_does_not_take_it_for_the_last_word(self) -> None:
        """Another's retraction voided nothing: the fact is still in force, and is taken back."""
        enrolled = raw("training.enrolled", PERSON, "2018-01-01")
        anothers = raw(
            "training.enrolled", PERSON, "2018-01-01", at=LATER, source="/nobody", retracted=True
        )
        traces = find_traces([enrolled, anothers], Persons([PERSON], RULES))

        assert traces.records == 2
        assert len(retractions(traces, now=datetime(2020, 1, 1, tzinfo=UTC))) == 1

    def test_a_replay_of_its_dead_letter_is_refused_too(self) -> None:
        destinations = ReplayDestinations(PARTITIONS, _nothing, RULES)
        with pytest.raises(ContractError) as refused:
            destinations.copy_of(letter_of(ANOTHERS), attempt=1)
        assert refused.value.reason is RefusalReason.NOT_OWNER


class TestScorecards:
    def test_both_see_an_attempt(self) -> None:
        report = report_on(classify_records(connections(), [], rules=RULES), PRODUCERS, LAST_DAY)
        cards = {card.producer: card for card in report.scorecards}

        assert (cards["lycees"].attempts, cards["lycees"].attempts_by_others) == (0, 1)
        assert (cards["formation"].attempts, cards["formation"].attempts_by_others) == (1, 0)
        assert (cards["lycees"].refused, cards["formation"].refused) == (0, 1)
        text = report_text(
            report_on(
                classify_records(connections(), [], rules=RULES), PRODUCERS, LAST_DAY, only="lycees"
            ),
            "text",
        )
        assert "1 event about what this producer owns, refused" in text
        assert "formation" not in text


def _nothing(letter: DeadLetter) -> None:
    """Let every letter pass."""
