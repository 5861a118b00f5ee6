"""Explanations: of the catalogue's milestones, by their owners, and some of them taken back."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from catalogue.explanations import explained_all
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from events.fact import Family
from events.milestone import ExplanationKind, MilestoneExplained
from simulation.emitter import RecordKind
from simulation.explanations import simulated_explanations
from simulation.period import FIRST_DAY, LAST_DAY
from streams.explanations import explanations_of
from streams.histories import histories_of
from streams.state_store import StateStore
from tests.support.records import apply_events
from tests.support.simulated import Story

SAID, RETRACTED = simulated_explanations().said, simulated_explanations().retracted

CATALOGUE = load_catalogue()


@pytest.fixture(scope="module")
def state_store(story: Story) -> StateStore:
    """Return the states in the end."""
    found = StateStore(CATALOGUE.terms)
    for family in Family:
        events = [event for _, event in story.events if event.fact.FAMILY is family]
        apply_events(found, family, [events])
    return found


def unexplained(state_store: StateStore, as_of: date) -> dict[tuple[str, str, str | None], int]:
    """Return for how many days each milestone that slips has been without a word."""
    histories = histories_of(state_store, CATALOGUE)
    judgements = judge_all(CATALOGUE, histories, as_of)
    found = explained_all(judgements, histories, explanations_of(state_store), as_of)
    days = {promise: one.unexplained_days(as_of) for promise, one in found.items()}
    return {promise: count for promise, count in days.items() if count is not None}


def test_the_catalogue_holds_what_is_explained() -> None:
    """Each milestone in its territory, and each author is the owner of its programme."""
    for said in (*SAID, *RETRACTED):
        indicator, milestone = said.milestone.split("/")
        assert (indicator, milestone, said.territory.department) in CATALOGUE.promises
        assert said.role == CATALOGUE.programme_of(indicator).owner


def test_a_text_is_in_the_end_as_it_was_corrected(story: Story) -> None:
    """What is known is what was to be said, and nothing that was taken back."""
    known = story.facts(MilestoneExplained)
    assert {(one.entity_id, one.explained_on, one.text) for one in known} == {
        (f"{said.milestone}/{said.territory}/{said.kind}", said.day, said.text) for said in SAID
    }
    assert len(known) == len(SAID)


def test_owners_say_all_kinds_of_the_region_and_of_departements() -> None:
    """The delegate's page has each of them to show."""
    regional = {said.kind for said in SAID if said.territory.department is None}
    departmental = {said.kind for said in SAID if said.territory.department is not None}
    assert regional == departmental == set(ExplanationKind)
    assert FIRST_DAY < SAID[0].day <= SAID[-1].day < LAST_DAY


def test_some_texts_are_corrected_and_some_taken_back(story: Story) -> None:
    """As in every family."""
    kinds = [record.kind for record, event in story.events if event.fact.FAMILY == "explanations"]
    assert kinds.count(RecordKind.CORRECTION) == sum(said.wrongly is not None for said in SAID) > 2
    assert kinds.count(RecordKind.RETRACTION) == len(RETRACTED)


def test_a_milestone_at_risk_waits_long_for_its_explanation(state_store: StateStore) -> None:
    """The lycées' equipment for more than two years; then it has one."""
    equipped = ("schools_equipped_ratio", "all_equipped", None)
    assert unexplained(state_store, date(2018, 9, 30))[equipped] > 700
    assert equipped not in unexplained(state_store, date(2018, 10, 1))


def test_a_milestone_is_unexplained_in_the_end(state_store: StateStore) -> None:
    """The lycées' connection, at risk again since the summer of 2020; broadband is explained."""
    found = unexplained(state_store, LAST_DAY)
    assert found["schools_connected_ratio", "all_connected", None] > 100
    assert ("premises_connectable_ratio", "whole_territory", None) not in found


def test_a_lost_target_is_explained_at_once(state_store: StateStore) -> None:
    """Seine-Saint-Denis has its reason two days after one lycée went off line."""
    promise = ("schools_connected_ratio", "all_connected", "93")
    assert promise not in unexplained(state_store, date(2020, 11, 25) + timedelta(days=1))
