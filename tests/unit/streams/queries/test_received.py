"""What readers hold, after any sequence of changes, lost and repeated answers, and owners."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.loader import load_catalogue
from events.cloudevent import CloudEvent
from events.fact import Family
from streams.explanations import explanations_of
from streams.fold import SeriesKey
from streams.histories import categories_of, histories_of
from streams.queries.format import HistoriesAnswer
from streams.queries.received import ReceivedHistories
from streams.queries.serving import HistoriesResponder, OwnedPartitions
from streams.state import EMPTY, EntityState
from streams.state_store import StateStore
from tests.support.answering import decoded
from tests.support.histories import event, events_of, state_of, uai
from tests.support.states import merge_states

CATALOGUE = load_catalogue()
PARTITIONS = (0, 1)
FAMILIES = (Family.SCHOOLS, Family.COWORKING, Family.EXPLANATIONS)

Contents: TypeAlias = dict[SeriesKey, tuple[dict[int, int], frozenset[int]]]


def partition_of(entity: str) -> int:
    return sum(entity.encode()) % len(PARTITIONS)


class Log:
    def __init__(self) -> None:
        self.states: dict[tuple[Family, int], dict[str, EntityState]] = {
            (family, partition): {} for family in Family for partition in PARTITIONS
        }

    def add(self, one: CloudEvent) -> int:
        entity, partition = one.fact.entity_id, partition_of(one.fact.entity_id)
        states = self.states[one.fact.FAMILY, partition]
        states[entity] = merge_states(states.get(entity, EMPTY), state_of(one))
        return partition

    def store(self) -> StateStore:
        found = StateStore(CATALOGUE.terms)
        for key, states in self.states.items():
            found.put(*key, states)
        return found


class Process:
    def __init__(self) -> None:
        self.state_store = StateStore(CATALOGUE.terms)
        self.generation = 0
        self.owned: set[int] = set()
        self.waiting_for: str | None = None
        self.responder = HistoriesResponder(self.state_store, self._ownership, len(PARTITIONS))

    def _ownership(self) -> OwnedPartitions:
        owned = frozenset(() if self.waiting_for else self.owned)
        return OwnedPartitions(self.waiting_for, self.generation, owned)

    def join(self, generation: int, owned: set[int], log: Log, *, keeps: bool) -> None:
        """Take over an assignment; what it had before is dropped unless it `keeps` it."""
        for partition in self.owned - owned if keeps else self.owned:
            for family in Family:
                self.state_store.drop(family, partition)
        for partition in owned - self.owned if keeps else owned:
            for family in Family:
                self.state_store.put(family, partition, log.states[family, partition])
        self.generation, self.owned = generation, set(owned)

    def take(self, family: Family, partition: int, log: Log) -> None:
        self.state_store.put(family, partition, log.states[family, partition])


@dataclass
class Group:
    log: Log = field(default_factory=Log)
    generation: int = 0
    processes: dict[str, Process] = field(
        default_factory=lambda: {"one": Process(), "other": Process()}
    )
    positions: dict[str, str | None] = field(default_factory=dict)
    received: ReceivedHistories = field(default_factory=lambda: ReceivedHistories(CATALOGUE))
    late: list[tuple[str, HistoriesAnswer]] = field(default_factory=list)
    asleep: set[str] = field(default_factory=set)

    def rebalance(self, owners: Sequence[str], *, keeps: bool) -> None:
        self.generation += 1
        for name in self.processes.keys() - self.asleep:
            owned = {one for one in PARTITIONS if owners[one] == name}
            self.processes[name].join(self.generation, owned, self.log, keeps=keeps)

    def add(self, one: CloudEvent) -> None:
        partition = self.log.add(one)
        for process in self.processes.values():
            if process.generation == self.generation and partition in process.owned:
                process.take(one.fact.FAMILY, partition, self.log)

    def ask(self, name: str, *, fate: str = "arrives") -> None:
        answer = told_by(self.processes[name].responder, self.positions.get(name))
        if fate == "late":
            self.late.append((name, answer))
        elif fate == "arrives":
            self.deliver(name, answer)

    def deliver(self, name: str, answer: HistoriesAnswer) -> None:
        applied = self.received.apply(answer, name, 0.0)
        self.positions[name] = answer.head.position if applied.is_enough else None


def told_by(responder: HistoriesResponder, position: str | None = None) -> HistoriesAnswer:
    return decoded(asyncio.run(responder.answer(position)))


def contents(told: ReceivedHistories | StateStore) -> Contents:
    found: Contents = {}
    for key, series in told.all_series():
        steps, reports = found.get(key, ({}, frozenset()))
        for day, amount in series.steps.items():
            steps = {**steps, day: steps.get(day, 0) + amount}
        found[key] = steps, reports | frozenset(series.reports)
    return {
        key: ({day: amount for day, amount in steps.items() if amount}, reports)
        for key, (steps, reports) in found.items()
        if reports or any(steps.values())
    }


EVENTS = st.sampled_from(FAMILIES).flatmap(events_of)
NAMES = st.sampled_from(["one", "other"])
STEPS = st.one_of(
    st.tuples(st.just("event"), EVENTS),
    st.tuples(st.just("event"), EVENTS),
    st.tuples(st.just("ask"), NAMES, st.sampled_from(["arrives", "arrives", "late", "lost"])),
    st.tuples(st.just("deliver"), st.integers(0, 5)),
    st.tuples(st.just("rebalance"), st.tuples(NAMES, NAMES), st.booleans()),
    st.tuples(st.just("sleep"), NAMES),
    st.tuples(st.just("restart"), NAMES),
    st.tuples(st.just("wait"), NAMES, st.booleans()),
)


def play(group: Group, step: tuple[object, ...]) -> None:
    match step:
        case ("event", CloudEvent() as one):
            group.add(one)
        case ("ask", str(name), str(fate)):
            group.ask(name, fate=fate)
        case ("deliver", int(which)) if group.late:
            # It stays: an answer may be repeated.
            group.deliver(*group.late[which % len(group.late)])
        case ("rebalance", (str(first), str(second)), bool(keeps)):
            awake = sorted(group.processes.keys() - group.asleep)
            owners = [name if name in awake else awake[0] for name in (first, second)]
            group.rebalance(owners, keeps=keeps)
        case ("sleep", str(name)) if not group.asleep:
            # It keeps its generation, and believes in it; the other worker takes over.
            group.asleep.add(name)
            (heir,) = group.processes.keys() - group.asleep
            group.rebalance([heir, heir], keeps=True)
        case ("restart", str(name)):
            group.processes[name] = Process()
            group.asleep.discard(name)
        case ("wait", str(name), bool(waits)):
            group.processes[name].waiting_for = "recovery" if waits else None


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=25), st.tuples(NAMES, NAMES))
def test_a_reader_has_what_the_workers_have(
    steps: list[tuple[object, ...]], owners: tuple[str, str]
) -> None:
    """Whatever came before: once each worker was asked, and answered what was asked again."""
    group = Group()
    group.rebalance(["one", "other"], keeps=False)
    for step in steps:
        play(group, step)
    for name in list(group.processes):
        play(group, ("wait", name, False))
        if name in group.asleep:
            play(group, ("restart", name))
    group.rebalance(owners, keeps=True)

    for _ in range(2):
        for name in group.processes:
            group.ask(name)
    for name, answer in group.late:
        group.deliver(name, answer)

    everything = group.log.store()
    assert contents(group.received) == contents(everything)
    assert explanations_of(group.received) == explanations_of(everything)
    assert histories_of(group.received, CATALOGUE) == histories_of(everything, CATALOGUE)
    assert categories_of(group.received, CATALOGUE) == categories_of(everything, CATALOGUE)


def test_a_forgotten_generation_may_begin_again() -> None:
    """A group that was deleted starts at generation 1."""
    group = Group()
    for number in range(1, 5):
        group.add(event("school.connected", uai(f"075000{number}"), "2018-03-01"))
    anew = Process()
    anew.join(1, {0, 1}, group.log, keeps=False)
    group.generation = 57
    group.rebalance(["one", "other"], keeps=True)
    for name in ["one", "other"]:
        group.ask(name)
    told = told_by(anew.responder)

    assert group.received.apply(told, "anew", 100.0).changes == 0
    assert group.received.forget(before=50.0) == (0, 1)
    assert group.received.partitions() == frozenset()
    assert group.received.apply(told, "anew", 100.0).changes
    assert contents(group.received) == contents(group.log.store())


def test_a_term_is_known_by_its_content() -> None:
    """Another catalogue's terms have other places, and some it has not."""
    log = log_with(school_of(0, "2018-03-01"), school_of(1, "2018-03-01"))
    other = tuple(reversed(CATALOGUE.terms[1:]))
    state_store = StateStore(other)
    for key, states in log.states.items():
        state_store.put(*key, states)
    responder = HistoriesResponder(
        state_store, lambda: OwnedPartitions(None, 1, frozenset({0, 1})), 2
    )
    received = ReceivedHistories(CATALOGUE)
    received.apply(told_by(responder), "http://other", 0.0)

    missing = CATALOGUE.terms[0]
    assert received.unknown() == {missing: "http://other"}
    expected = {
        key: one
        for key, one in contents(log.store()).items()
        if key.term != log.store().indexes[missing]
    }
    assert contents(received) == expected


def school_of(partition: int, day: str) -> CloudEvent:
    number = next(
        number for number in range(5000, 5999) if partition_of(uai(f"075{number}")) == partition
    )
    return event("school.connected", uai(f"075{number}"), day)


def log_with(*events: CloudEvent) -> Log:
    log = Log()
    for one in events:
        log.add(one)
    return log
