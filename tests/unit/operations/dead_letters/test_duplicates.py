"""Dead letters that were written more than once: each record is listed and replayed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.claims import claims_of
from events.dead_letters import REPLAY_OF, DeadLetter, LetterPosition, RefusedRecords, Runs
from events.errors import ContractError, RefusalReason
from events.offset_runs import OffsetRuns
from events.records import OutgoingRecord
from events.topics import DEAD_LETTER_OUTCOMES
from operations.dead_letters.entry import Entry, EntryStatus
from operations.dead_letters.ledger import join_entries
from operations.dead_letters.replay import Replay, ReplayDestinations, discard
from streams.clock import FixedClock
from tests.support.letters import (
    BrokerGoneError,
    FakeWriter,
    arrived,
    letter_of,
    refused,
    valid_event,
)

WAITING, REPLAYED, DISCARDED = EntryStatus
CLOCK = FixedClock(date(2019, 7, 1))
OFFSETS = 6
#: From the creation of a topic to that of the next one of its name.
LIFE_MS = 100_000


class One(NamedTuple):
    """A refused record: the number of its topic among those of the name, and its offset."""

    topic: int
    offset: int

    @property
    def timestamp(self) -> int:
        return LIFE_MS * self.topic + 2 * self.offset

    @property
    def letter(self) -> DeadLetter:
        letter = letter_of(valid_event(id=f"{self.topic}-{self.offset}"))
        return letter if self.offset % 2 == 0 else replace(letter, value=b"{}")


class Cut(NamedTuple):
    """A dead letter to write; of one record it may be a summary or not."""

    topic: int
    offsets: frozenset[int]
    as_summary: bool
    reason: RefusalReason

    def written(self, *, is_old: bool = False) -> OutgoingRecord:
        records = [One(self.topic, offset) for offset in sorted(self.offsets)]
        content = records[0].letter
        error = ContractError(self.reason, "data.name", None, "send a name")
        now = datetime.fromtimestamp(LIFE_MS * self.topic / 1000, UTC)
        if self.as_summary or len(records) > 1:
            times = records[0].timestamp, records[-1].timestamp
            summary = RefusedRecords(
                "smartregion.schools", 3, OffsetRuns(sorted(self.offsets)).runs, times
            )
            return refused(error, offset=records[0].offset, now=now, summary=summary)
        return refused(
            error,
            offset=records[0].offset,
            now=now,
            value=content.value,
            headers=content.headers,
            timestamp=None if is_old else records[0].timestamp,
        )


CUTS = st.builds(
    Cut,
    st.integers(0, 1),
    st.frozensets(st.integers(0, OFFSETS - 1), min_size=1),
    st.booleans(),
    st.sampled_from([RefusalReason.UNKNOWN_TYPE, RefusalReason.INVALID_DATA]),
)


@dataclass
class World:
    """The two topics; and what became of each record, which no duplicate can change."""

    letters: list[OutgoingRecord] = field(default_factory=list)
    expired: int = 0
    ledger: list[OutgoingRecord] = field(default_factory=list)
    known: dict[One, EntryStatus] = field(default_factory=dict)
    sent: Counter[str] = field(default_factory=Counter)

    def write(self, cut: Cut, *, is_old: bool) -> None:
        self.letters.append(cut.written(is_old=is_old))
        for offset in cut.offsets:
            self.known.setdefault(One(cut.topic, offset), WAITING)

    def entries(self) -> list[Entry]:
        left = arrived(self.letters)[self.expired :]
        # As the ledger is compacted.
        last = {record.key: record for record in self.ledger}.values()
        return list(join_entries(left, arrived(list(last)), on_foreign_record=_fail))

    def replay(self, status: EntryStatus, part: int, room: int) -> None:
        """Replay every second entry of a status, or the others; fail after so many records.

        `sent` has those whose outcome was written: others are sent again.
        """
        chosen = [one for one in self.entries() if one.status is status][part::2]
        writer = FakeWriter(room)
        run = Replay(
            writer=writer,
            destinations=ReplayDestinations(3, lambda _: None, now=CLOCK.now),
            records_of=_records_of,
            clock=CLOCK,
            max_attempts=99,
            report=lambda *_: None,
        )
        with suppress(BrokerGoneError):
            run.run(chosen)
        noted = [one for one in writer.taken if one.topic == DEAD_LETTER_OUTCOMES]
        self.ledger += noted
        positions = {one.key for one in noted}
        for copy in writer.taken:
            if dict(copy.headers).get(REPLAY_OF) in positions:
                self.sent[claims_of(tuple(copy.headers), copy.value).id or ""] += 1
        for entry in chosen:
            if str(entry.letter.position).encode() in positions:
                for one in records_in(entry, entry.runs):
                    self.known[one] = WAITING if one.offset % 2 else REPLAYED

    def discard(self, part: int) -> None:
        chosen = [one for one in self.entries() if one.status is WAITING][part::2]
        writer = FakeWriter()
        discard(chosen, writer, because="test", clock=CLOCK)
        self.ledger += [one for sent in writer.sent for one in sent]
        self.known |= {one: DISCARDED for entry in chosen for one in records_in(entry, entry.runs)}

    def expire(self, number: int) -> None:
        self.expired = min(self.expired + number, len(self.letters))


def records_in(entry: Entry, runs: Runs) -> Iterator[One]:
    records = entry.letter.records
    assert records is not None
    topic = records.timestamps[1] // LIFE_MS
    for first, last in runs:
        yield from (One(topic, offset) for offset in range(first, last + 1))


def _records_of(letter: DeadLetter, runs: Runs) -> Iterator[tuple[int, DeadLetter]]:
    if letter.summary is None:
        yield letter.origin.offset, letter
        return
    topic = letter.summary.timestamps[0] // LIFE_MS
    for first, last in runs:
        for offset in range(first, last + 1):
            content = One(topic, offset).letter
            yield (
                offset,
                replace(letter, value=content.value, headers=content.headers, summary=None),
            )


def _fail(error: ValueError) -> None:
    raise error


WRITES = st.builds(
    lambda cut, is_old: lambda world: world.write(cut, is_old=is_old and cut.topic == 0),
    CUTS,
    st.booleans(),
)
COMMANDS = st.one_of(
    st.builds(
        lambda status, part, room: lambda world: world.replay(status, part, room),
        st.sampled_from([WAITING, DISCARDED]),
        st.integers(0, 1),
        st.just(1_000) | st.integers(0, 12),
    ),
    st.builds(lambda part: lambda world: world.discard(part), st.integers(0, 1)),
)
EXPIRIES = st.builds(lambda number: lambda world: world.expire(number), st.integers(1, 3))
Steps = list[Callable[[World], None]]


@given(st.lists(WRITES | COMMANDS, max_size=25))
def test_duplicates_change_neither_lists_nor_replays(steps: Steps) -> None:
    world = World()
    for step in steps:
        step(world)

        listed: list[One] = []
        for entry in world.entries():
            listed += records_in(entry, entry.letter.runs)
            of_status = set(records_in(entry, entry.runs))
            assert {world.known[one] for one in of_status} == {entry.status}
            others = set(records_in(entry, entry.letter.runs)) - of_status
            assert {world.known[one] for one in others} <= {REPLAYED}
        assert sorted(listed) == sorted(world.known)
        assert world.sent == Counter(
            f"{one.topic}-{one.offset}" for one, what in world.known.items() if what is REPLAYED
        )


@pytest.mark.slow
@settings(max_examples=300)  # A hundred miss some faults.
@given(st.lists(WRITES, max_size=6), st.lists(WRITES | COMMANDS | EXPIRIES, max_size=20))
def test_an_outcome_outlives_its_letter(written: Steps, steps: Steps) -> None:
    """A copy that is left by the retention has the same outcome, or is not listed."""
    world = World()
    for step in written + steps:
        step(world)

        for entry in world.entries():
            assert {world.known[one] for one in records_in(entry, entry.runs)} == {entry.status}
        assert max(world.sent.values(), default=1) == 1


def test_the_first_letter_counts() -> None:
    """It is the one that operators have seen."""
    world = World()
    first = Cut(0, frozenset({1, 2, 3}), as_summary=True, reason=RefusalReason.UNKNOWN_TYPE)
    world.write(first, is_old=False)
    world.write(first._replace(reason=RefusalReason.INVALID_DATA), is_old=False)
    again = Cut(0, frozenset({3, 4}), as_summary=True, reason=RefusalReason.INVALID_DATA)
    world.write(again, is_old=False)

    shown = [(one.letter.position, one.letter.reason, one.letter.runs) for one in world.entries()]

    assert shown == [
        (LetterPosition(0, 0), "unknown_type", ((1, 3),)),
        (LetterPosition(0, 2), "invalid_data", ((4, 4),)),
    ]


def test_letters_of_0_1_are_listed_once_per_origin() -> None:
    """They have no timestamp: a record that was written after the refusal is another one."""
    world = World()
    old = Cut(0, frozenset({2}), as_summary=False, reason=RefusalReason.UNKNOWN_TYPE)
    for letter, is_old in ((old, True), (old, True), (old, False), (old._replace(topic=1), False)):
        world.write(letter, is_old=is_old)

    assert [one.letter.position.offset for one in world.entries()] == [0, 3]
