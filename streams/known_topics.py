"""The ids of the topics whose events the workers have read, kept on the ledger of outcomes.

Kafka deletes the group's offsets with a topic: without its id, a recreated topic looks like one
that was never read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from boundary.errors import SmartRegionError
from broker.clients import administering
from broker.reading import read_topics
from broker.topic_admin import SeenTopic, seen_topics
from broker.writing import KafkaWriter
from events.records import OutgoingRecord, Record
from events.topics import DEAD_LETTER_OUTCOMES, FAMILIES
from streams.settings import Settings
from streams.topic_faults import FaultKind, TopicFault

logger = logging.getLogger(__name__)

_PREFIX: Final = b"topic/"


class KnownTopic(BaseModel):
    """A topic that the workers read; `because` says why one that replaced it was accepted."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    topic: str
    id: str
    """The id as the broker shows it."""
    at: AwareDatetime
    because: str | None = None


NOTHING_KNOWN: Final[Mapping[str, KnownTopic]] = MappingProxyType({})


def topic_record(known: KnownTopic) -> OutgoingRecord:
    """Return the ledger's record of a known topic; the last one counts."""
    key = _PREFIX + known.topic.encode()
    return OutgoingRecord(DEAD_LETTER_OUTCOMES, None, key, known.model_dump_json().encode(), ())


def is_known_topic(record: Record) -> bool:
    """Return whether a record of the ledger is a known topic."""
    return (record.key or b"").startswith(_PREFIX)


def known_topics_of(ledger: Iterable[Record]) -> Mapping[str, KnownTopic]:
    """Return the known topics among the records of the ledger, by name."""
    found: dict[str, KnownTopic] = {}
    for record in filter(is_known_topic, ledger):
        try:
            known = KnownTopic.model_validate_json(record.value or b"")
        except ValidationError:
            continue  # A tombstone, or something else wrote it.
        found[known.topic] = known
    return found


def topic_ids(settings: Settings) -> Mapping[str, str]:
    """Return the ids of the event topics, by name. Raises the errors of `seen_topics`."""
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        return ids_of(seen_topics(admin, FAMILIES))


def ids_of(seen: Mapping[str, SeenTopic]) -> Mapping[str, str]:
    """Return the ids of topics, by name."""
    return {name: one.identity for name, one in seen.items()}


def recreated(ids: Mapping[str, str], known: Mapping[str, KnownTopic]) -> Sequence[TopicFault]:
    """Return the topics whose id is not the one that the workers have read."""
    problem = (
        "was deleted and created again: what it had is lost; accept that with `smart-region topics"
        " accept-loss`"
    )
    return [
        TopicFault(name, None, FaultKind.TOPIC_RECREATED, problem)
        for name, identity in ids.items()
        if name in known and known[name].id != identity
    ]


def read_known_topics(settings: Settings) -> Mapping[str, KnownTopic]:
    """Return the known topics, by name. Raises the errors of `read_topics`."""
    security = settings.security()
    return known_topics_of(
        read_topics(settings.broker, topics=[DEAD_LETTER_OUTCOMES], security=security)
    )


class KnownTopics:
    """The topics that a worker reads, compared with the ids on the ledger."""

    def __init__(self, settings: Settings, known: Mapping[str, KnownTopic] = NOTHING_KNOWN) -> None:
        self._settings = settings
        self._known = known
        self.faults: Sequence[TopicFault] = ()
        """The topics that were recreated, as of the last look."""

    def look(self, ids: Mapping[str, str]) -> None:
        """Compare the ids of topics with the ledger's, and write missing ones to the ledger.

        If they differ, the ledger is read again: an operator may have accepted the new topic.
        Raises the errors of `read_topics`.
        """
        if recreated(ids, self._known):
            self._known = read_known_topics(self._settings)
        if missing := sorted(ids.keys() - self._known.keys()):
            now = self._settings.make_clock().now()
            read = [KnownTopic(topic=name, id=ids[name], at=now) for name in missing]
            self._known = {**self._known, **{one.topic: one for one in read}}
            self._note(read)
        self.faults = recreated(ids, self._known)

    def _note(self, topics: Sequence[KnownTopic]) -> None:
        try:
            with KafkaWriter(self._settings.broker, security=self._settings.security()) as writer:
                writer.send([topic_record(one) for one in topics])
        except SmartRegionError as error:
            # The user of an earlier release lacks the right.
            logger.warning("a topic that is created again will not be noticed: %s", error)
