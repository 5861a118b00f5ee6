"""Explanations: of the catalogue's milestones, by their owners, and some of them taken back."""

from __future__ import annotations

from datetime import date

import pytest

from catalogue.explanations import explained_all
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from events.milestone import MilestoneExplained
from simulation.emitter import RecordKind
from simulation.explanations import simulated_explanations
from streams.explanations import explanations_of
from streams.histories import histories_of
from streams.state_store import StateStore
from tests.support.simulated import Story

SAID, RETRACTED = simulated_explanations().said, simulated_explanations().retracted

CATALOGUE = load_catalogue()


def unexplained(state_store: StateStore, as_of: date) -> dict[tuple[str, str, str | None], int]:
    histories = histories_of(state_store, CATALOGUE)
    judgements = judge_all(CATALOGUE, histories, as_of)
    found = explained_all(judgements, histories, explanations_of(state_store), as_of)
    days = {promise: one.unexplained_days(as_of) for promise, one in found.items()}
    return {promise: count for promise, count in days.items() if count is not None}


def test_the_catalogue_holds_what_is_explained() -> None:
    for said in (*SAID, *RETRACTED):
        indicator, milestone = said.milestone.split("/")
        assert (indicator, milestone, said.territory.department) in CATALOGUE.promises
        assert said.role == CATALOGUE.programme_of(indicator).owner


@pytest.mark.slow
def test_a_text_is_in_the_end_as_it_was_corrected(story: Story) -> None:
    known = story.facts(MilestoneExplained)
    assert {(one.entity_id, one.explained_on, one.text) for one in known} == {
        (f"{said.milestone}/{said.territory}/{said.kind}", said.day, said.text) for said in SAID
    }
    assert len(known) == len(SAID)


def test_some_texts_are_corrected_and_some_taken_back(story: Story) -> None:
    kinds = [record.kind for record, event in story.events if event.fact.FAMILY == "explanations"]
    assert kinds.count(RecordKind.CORRECTION) == sum(said.wrongly is not None for said in SAID) > 2
    assert kinds.count(RecordKind.RETRACTION) == len(RETRACTED)


@pytest.mark.slow
def test_a_milestone_at_risk_waits_long_for_its_explanation(state_store: StateStore) -> None:
    equipped = ("schools_equipped_ratio", "all_equipped", None)
    assert unexplained(state_store, date(2018, 9, 30))[equipped] > 700
    assert equipped not in unexplained(state_store, date(2018, 10, 1))
