"""When the end of the topics is believed, on a broker that answers as a script says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from broker import reading
from broker.errors import (
    BrokerUnreachableError,
    TopicMismatchError,
    TopicsMissingError,
    TopicsStalledError,
)
from broker.reading import Extent, TopicReader, read_topics
from broker.security import BrokerSecurity
from broker.stored_record import RawRecord

FIRST = TopicPartition("events", 0)
SECOND = TopicPartition("events", 1)
Read = Callable[..., list[int]]


class Answer(NamedTuple):
    records: Mapping[TopicPartition, int] = MappingProxyType({})
    ends: Mapping[TopicPartition, int] = MappingProxyType({})


class ScriptedConsumer:
    def __init__(self, *script: Answer, partitions: Sequence[TopicPartition] = (FIRST,)) -> None:
        self.script = list(script)
        self.positions = dict.fromkeys(partitions, 0)
        self.ends: dict[TopicPartition, int] = {}
        self.stable: dict[TopicPartition, int] = {}
        self.starts: dict[TopicPartition, int] = {}
        self._fetcher = SimpleNamespace(PartitionRecords=None)
        self.asked = 0
        self.is_silent = False
        self.closed = False

    def __call__(self, **_: object) -> ScriptedConsumer:
        return self

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {tp for name, tp in self.positions if name == topic}

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        self.positions = {one: self.positions[one] for one in partitions}

    def seek_to_beginning(self, *partitions: TopicPartition) -> None:
        assert set(partitions) == set(self.positions)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.positions[place] = offset

    def assignment(self) -> set[TopicPartition]:
        return set(self.positions)

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        assert timeout_ms > 0
        self.asked += 1
        answer = self.script.pop(0) if self.script else Answer()
        self.ends |= answer.ends
        return {tp: self._records(tp, count) for tp, count in answer.records.items()}

    def _records(self, tp: TopicPartition, count: int) -> list[Any]:
        start = self.positions[tp]
        self.positions[tp] = start + count
        offsets = range(start, start + count)
        return [RawRecord(tp.topic, tp.partition, offset, b"k", b"v") for offset in offsets]

    def position(self, tp: TopicPartition, timeout_ms: int) -> int:
        assert timeout_ms > 0
        return self.positions[tp]

    def highwater(self, tp: TopicPartition) -> int | None:
        return self.ends.get(tp)

    def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: self.stable.get(tp, self.ends[tp]) for tp in tps}

    def beginning_offsets(
        self, tps: Sequence[TopicPartition], timeout_ms: int = 0
    ) -> dict[TopicPartition, int]:
        if self.is_silent:
            raise KafkaTimeoutError(f"after {timeout_ms}")
        return {tp: self.starts.get(tp, 0) for tp in tps}

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second pass at each look at the clock."""
    seconds = count()
    monkeypatch.setattr("broker.reading.monotonic", lambda: float(next(seconds)))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    def read(consumer: ScriptedConsumer, **kwargs: Any) -> list[int]:
        monkeypatch.setattr(reading, "KafkaConsumer", consumer)
        found = read_topics("broker:9092", topics=["events"], **kwargs)
        return [record.offset for record in found]

    return read


def test_does_not_believe_an_end_before_an_empty_poll(read: Read) -> None:
    consumer = ScriptedConsumer(
        Answer({FIRST: 2}, {FIRST: 2}), Answer({FIRST: 2}, {FIRST: 4}), Answer()
    )

    assert read(consumer) == [0, 1, 2, 3]
    assert consumer.closed


def test_waits_for_the_end_of_every_partition(read: Read) -> None:
    consumer = ScriptedConsumer(
        Answer({FIRST: 1}, {FIRST: 1}),
        Answer(),
        Answer({SECOND: 1}, {SECOND: 1}),
        partitions=(FIRST, SECOND),
    )

    assert len(read(consumer)) == 2


@pytest.mark.parametrize("end", [0, 3])
def test_leaves_a_partition_that_always_grows_beside_an_end_that_no_record_shows(
    read: Read, end: int
) -> None:
    """The end of an empty partition, or behind a mark of a transaction: no poll is empty."""
    growing = [Answer({FIRST: 1}, {FIRST: grown, SECOND: end}) for grown in range(1, 100)]
    consumer = ScriptedConsumer(*growing, partitions=(FIRST, SECOND))
    consumer.positions[SECOND] = end

    found = read(consumer)

    assert found == list(range(len(found)))
    assert 1 < len(found) < 50


def test_reports_a_partition_that_does_not_answer_beside_one_that_always_grows(read: Read) -> None:
    """One without a leader: the records of the others are no progress of it."""
    growing = [Answer({FIRST: 1}, {FIRST: grown}) for grown in range(1, 100)]
    consumer = ScriptedConsumer(*growing, partitions=(FIRST, SECOND))

    with pytest.raises(TopicsStalledError, match=r"for events\[1\] \(end unknown\):"):
        read(consumer, wait_seconds=3)
    assert consumer.script


def test_who_takes_long_with_the_records_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A replay sends what it has read before it reads on: that is no silence of the broker."""
    now = [0.0]
    monkeypatch.setattr("broker.reading.monotonic", lambda: now[0])
    monkeypatch.setattr(
        reading,
        "KafkaConsumer",
        ScriptedConsumer(
            Answer({FIRST: 1}, {FIRST: 4}),
            Answer(),
            Answer({FIRST: 2}),
            Answer(),
            Answer({FIRST: 1}, {SECOND: 0}),
            partitions=(FIRST, SECOND),
        ),
    )
    taken = []
    for record in read_topics("broker:9092", topics=["events"], wait_seconds=3):
        taken.append(record.offset)
        now[0] += 1_000
    assert taken == [0, 1, 2, 3]


def test_an_end_that_is_known_is_read_to(read: Read) -> None:
    """A new leader tells a lower one for a moment, and what lies between may be deleted then."""
    consumer = ScriptedConsumer(
        Answer({FIRST: 2}, {FIRST: 2}), Answer(), Answer({FIRST: 1}, {FIRST: 3}), Answer()
    )

    assert read(consumer, known_ends={("events", 0): 3}) == [0, 1, 2]


def test_an_end_that_is_not_reached_is_an_error(read: Read) -> None:
    consumer = ScriptedConsumer(Answer({FIRST: 2}, {FIRST: 2}))
    consumer.stable = {FIRST: 3}

    with pytest.raises(TopicsStalledError, match=r"events\[0\] \(1 records left\)"):
        read(consumer, wait_seconds=9, known_ends={("events", 0): 3})


@pytest.mark.parametrize("partitions", [1, 3])
def test_another_number_of_partitions_is_named_before_anything_is_read(
    read: Read, partitions: int
) -> None:
    consumer = ScriptedConsumer(partitions=(FIRST, SECOND))

    with pytest.raises(TopicMismatchError, match=r"value 2 .*SMART_REGION_PARTITIONS"):
        read(consumer, partitions=partitions)
    assert consumer.asked == 0


@pytest.mark.parametrize(("ends", "left"), [({FIRST: 5}, "4 records left"), ({}, "end unknown")])
def test_reports_where_the_broker_stopped(
    read: Read, ends: dict[TopicPartition, int], left: str
) -> None:
    consumer = ScriptedConsumer(
        Answer({SECOND: 1, **({FIRST: 1} if ends else {})}, {SECOND: 1, **ends}),
        partitions=(FIRST, SECOND),
    )

    with pytest.raises(TopicsStalledError, match=rf"within 9 s for events\[0\] \({left}\):"):
        read(consumer, wait_seconds=9)
    assert consumer.closed


def test_ends_at_an_open_transaction_and_says_so(read: Read) -> None:
    consumer = ScriptedConsumer(
        Answer({FIRST: 2, SECOND: 1}, {FIRST: 5, SECOND: 1}), partitions=(FIRST, SECOND)
    )
    consumer.stable = {FIRST: 2}
    consumer.starts = {SECOND: 7}
    extent = Extent()

    assert len(read(consumer, extent=extent)) == 3
    assert (extent.held, extent.starts) == ({"events[0]": 3}, {"events[1]": 7})
    assert [line.partition(": ")[0] for line in extent.lines()] == ["events[1]", "events[0]"]


@pytest.mark.parametrize("bears_held", [True, False])
def test_leaves_topics_that_grow_beside_an_open_transaction(
    read: Read, *, bears_held: bool
) -> None:
    growing = [Answer({SECOND: 1}, {SECOND: end}) for end in range(1, 200)]
    consumer = ScriptedConsumer(
        Answer({FIRST: 2}, {FIRST: 5}), *growing, partitions=(FIRST, SECOND)
    )
    consumer.stable = {FIRST: 2}
    extent = Extent()

    if bears_held:
        assert 2 < len(read(consumer, extent=extent)) < 100
        assert extent.held == {"events[0]": 3}
    else:
        with pytest.raises(TopicsStalledError):
            read(consumer, wait_seconds=9)


def test_names_the_topics_that_are_not_there(read: Read) -> None:
    consumer = ScriptedConsumer(partitions=(TopicPartition("other", 0),))

    with pytest.raises(TopicsMissingError, match=r"events not found .*topics apply"):
        read(consumer)


def test_turns_the_clients_errors_into_one(read: Read) -> None:
    class Failing(ScriptedConsumer):
        def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
            raise KafkaTimeoutError(f"after {timeout_ms}")

    with pytest.raises(BrokerUnreachableError, match="broker:9092"):
        read(Failing())


def test_a_single_partition_is_read_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = ScriptedConsumer(Answer({SECOND: 2}, {SECOND: 2}), partitions=(FIRST, SECOND))
    monkeypatch.setattr(reading, "KafkaConsumer", consumer)

    found = list(read_topics("broker:9092", topics=[SECOND]))

    assert [(one.partition, one.offset) for one in found] == [(1, 0), (1, 1)]
    assert consumer.assignment() == {SECOND}


def test_bears_a_lower_end_for_a_moment() -> None:
    """A leader that has just been elected may not know yet how far records are committed."""
    ends = [Answer({}, {FIRST: end}) for end in (7, 5, 7, 5, 7, 5, 7)]
    reader = TopicReader(ScriptedConsumer(*ends), (FIRST,), {("events", 0): 7})

    assert not any([*reader.poll()] for _ in ends)


class Scene:
    """A reader that follows a topic, at a clock that the test holds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(reading, "monotonic", lambda: self.now)
        self.consumer = ScriptedConsumer()
        self.reader = TopicReader(self.consumer, (FIRST,))

    def follow(self, seconds: float, *, addresses: str = "one:9092") -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += 1.0
            self.reader.poll()
            self.reader.check_answering(addresses, timeout=60.0)


def test_a_broker_that_does_not_answer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    for _ in range(2):  # One answer begins the time anew.
        scene.consumer.is_silent = True
        scene.follow(50.0)
        scene.consumer.is_silent = False
        scene.follow(20.0)
    scene.consumer.is_silent = True
    scene.consumer.script = [Answer({FIRST: 1}, {FIRST: end}) for end in range(600)]
    scene.follow(600.0)  # Records are an answer.
    with pytest.raises(BrokerUnreachableError, match="leader of some partition does not answer"):
        scene.follow(80.0)


def test_each_broker_is_asked_why(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    async def note(addresses: list[str], _: BrokerSecurity) -> None:
        asked.append(addresses)

    monkeypatch.setattr(reading, "preflight", note)
    scene = Scene(monkeypatch)
    scene.consumer.is_silent = True
    scene.follow(15.0, addresses="one:9092, two:9092")
    assert asked == [["one:9092", "two:9092"]]
