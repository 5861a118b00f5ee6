"""Lycées: registered once, connected nearly all, with outages that end."""

from __future__ import annotations

from collections import Counter
from datetime import date

from events.identifiers import Department, uai_department
from events.school import (
    SchoolClosed,
    SchoolConnected,
    SchoolDisconnected,
    SchoolRegistered,
    SchoolWorkspaceActivated,
)
from simulation.lycees import LYCEES
from tests.support.simulated import Story


def open_lycees(story: Story) -> set[str]:
    """Lycées that are registered and never close."""
    return set(story.latest(SchoolRegistered)) - set(story.latest(SchoolClosed))


def connected_lycees(story: Story, as_of: date) -> set[str]:
    """Those of them whose last connection, by a day, no outage has followed."""
    cut = story.latest(SchoolDisconnected, as_of)
    return {
        uai
        for uai, fact in story.latest(SchoolConnected, as_of).items()
        if uai not in cut or cut[uai].disconnected_on < fact.connected_on
    } & open_lycees(story)


def by_department(uais: set[str]) -> Counter[Department]:
    """Number of lycées of each département."""
    return Counter(uai_department(uai) for uai in uais)


def test_458_lycees_are_open_in_the_end(story: Story) -> None:
    """As many in each département as the directory of 2021-2022 has public ones."""
    assert by_department(open_lycees(story)) == dict(LYCEES)
    assert sum(LYCEES.values()) == 458


def test_two_lycees_of_paris_close(story: Story) -> None:
    """They are registered, then closed."""
    closed = story.latest(SchoolClosed)
    assert by_department(set(closed)) == {Department.PARIS: 2}
    assert set(closed) <= set(story.latest(SchoolRegistered))


def test_nearly_all_are_connected_in_the_end(story: Story) -> None:
    """98 % of the region; Val-d'Oise lags, two of Seine-et-Marne are missing."""
    missing = by_department(open_lycees(story) - connected_lycees(story, date(2020, 12, 31)))
    assert missing == {
        Department.SEINE_ET_MARNE: 2,
        Department.SEINE_SAINT_DENIS: 1,
        Department.VAL_D_OISE: 7,
    }


def test_seine_saint_denis_was_complete_and_lost_one(story: Story) -> None:
    """All 68 until one goes off line for works in November 2020."""
    department = Department.SEINE_SAINT_DENIS
    before = by_department(connected_lycees(story, date(2020, 11, 22)))
    after = by_department(connected_lycees(story, date(2020, 11, 23)))
    assert before[department] - after[department] == 1


def test_a_lycee_is_cut_only_while_connected(story: Story) -> None:
    """Every outage follows a connection, and all but the last end with another one."""
    connected_on: dict[str, list[date]] = {}
    for fact in story.facts(SchoolConnected):
        connected_on.setdefault(fact.uai, []).append(fact.connected_on)
    outages = story.facts(SchoolDisconnected)
    assert all(min(connected_on[cut.uai]) < cut.disconnected_on for cut in outages)
    unended = [cut for cut in outages if max(connected_on[cut.uai]) <= cut.disconnected_on]
    assert [cut.disconnected_on for cut in unended] == [date(2020, 11, 23)]


def test_every_lycee_has_its_workspace_by_the_end_of_2019(story: Story) -> None:
    """A promise kept a year early."""
    active = set(story.latest(SchoolWorkspaceActivated, date(2019, 12, 31)))
    assert active >= open_lycees(story)
