"""All entries, from two topics: the dead letters, and the ledger of their outcomes.

An outcome counts for all dead letters of its records: also for those that are written later, and
after the broker has deleted the one that the command was about.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from kafka import TopicPartition
from kafka.admin import OffsetSpec

from boundary.errors import SmartRegionError
from broker import topic_admin
from broker.clients import administering
from broker.offsets import partition_offsets
from broker.reading import read_topics
from broker.security import PLAINTEXT, BrokerSecurity
from broker.settings import BrokerSettings
from events.dead_letters import (
    DeadLetter,
    LetterPosition,
    RecordMap,
    RecordOrigin,
    Runs,
    distinct_letters,
    read_dead_letters,
)
from events.fact import Family
from events.records import Record
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, declared_topics, topic_name
from operations.dead_letters.entry import Entry
from operations.dead_letters.outcome import ReplayOutcome, read_outcome
from streams.decisions import decisions_in, is_decision
from streams.settings import Settings


def read_entries(
    bootstrap: str,
    *,
    security: BrokerSecurity = PLAINTEXT,
    on_foreign_record: Callable[[ValueError], None],
) -> Iterator[Entry]:
    """Yield every distinct letter with its last outcome, oldest first.

    Records of other writers are left out: `on_foreign_record` receives the reason. Raises as
    `read_topics`.
    """
    # The ledger first: it is small, and the letters need not be held in memory.
    ledger = read_topics(bootstrap, topics=[DEAD_LETTER_OUTCOMES], security=security)
    letters = read_topics(bootstrap, topics=[DEAD_LETTERS], security=security)
    return join_entries(letters, ledger, on_foreign_record=on_foreign_record)


def verify_topics(settings: Settings) -> None:
    """Check that the topics that a replay writes are as declared. Raises as `topic_admin` does."""
    written = {DEAD_LETTER_OUTCOMES, *map(topic_name, Family)}
    declared = declared_topics(partitions=settings.partitions, replication=settings.replication)
    topic_admin.verify_topics(
        settings.broker,
        [topic for topic in declared if topic.name in written],
        security=settings.security(),
        tolerate=lambda _: None,  # The doctor reports these; a replay works on the topic as it is.
    )


def verify_written(settings: BrokerSettings, origins: Collection[RecordOrigin]) -> None:
    """Check that each record was written, whether it is still there or not.

    Raises SmartRegionError, and as `administering`.
    """
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        seen = topic_admin.seen_topics(admin, sorted({one.topic for one in origins}))
        there = {
            TopicPartition(one.topic, one.partition)
            for one in origins
            if one.topic in seen and one.partition < seen[one.topic].partitions
        }
        ends = partition_offsets(admin, there, OffsetSpec.LATEST)
    for origin in origins:
        end = ends.get(TopicPartition(origin.topic, origin.partition))
        if end is None or origin.offset >= end:
            what = (
                "the topic has no such partition" if end is None else f"the partition ends at {end}"
            )
            raise SmartRegionError(
                "origin: there is no record, value"
                f" {origin.topic}/{origin.partition}/{origin.offset} ({what}): write what the"
                " worker's log has; the decision would be permanent, and the next event there would"
                " be refused unread; nothing was decided"
            )


def join_entries(
    letters: Iterable[Record],
    ledger: Iterable[Record],
    *,
    on_foreign_record: Callable[[ValueError], None],
) -> Iterator[Entry]:
    """Yield the entries of the records of the two topics; see `read_entries`."""
    outcomes = _Ledger(ledger, on_foreign_record)
    for letter in distinct_letters(read_dead_letters(letters, on_foreign_record=on_foreign_record)):
        outcome = outcomes.of(letter)
        if runs := outcomes.listed(letter, outcome):
            yield Entry(letter.restricted_to(runs), outcome, outcomes.decisions)


class _Ledger:
    """The last outcome by position, the records that outcomes have settled, and the decisions."""

    def __init__(
        self, records: Iterable[Record], on_foreign_record: Callable[[ValueError], None]
    ) -> None:
        # As they are written: there may be millions, a third as large as when they are read.
        self._outcomes: dict[LetterPosition, bytes] = {}
        self._settled = RecordMap[None]()
        decided: list[Record] = []
        for record in records:
            if is_decision(record):
                decided.append(record)
                continue
            try:
                position, _ = read_outcome(record)
            except ValueError as error:
                on_foreign_record(error)
            else:
                self._outcomes[position] = record.value or b""
        self.decisions = decisions_in(decided).skipped
        for written in self._outcomes.values():
            if (settled := ReplayOutcome.model_validate_json(written).settled) is not None:
                self._settled.add(settled, None)

    def of(self, letter: DeadLetter) -> ReplayOutcome | None:
        """Return the outcome of a dead letter; a recreated topic uses positions again."""
        written = self._outcomes.get(letter.position)
        outcome = None if written is None else ReplayOutcome.model_validate_json(written)
        return None if outcome is None or outcome.refused_at != letter.time else outcome

    def listed(self, letter: DeadLetter, outcome: ReplayOutcome | None) -> Runs:
        """Return the offsets of the records to list with a dead letter.

        Without an outcome of its own, these are the records that no other outcome has settled.
        """
        if outcome is not None:
            return letter.runs if outcome.records is None else outcome.records.runs
        return letter.runs if letter.records is None else self._settled.missing(letter.records)
